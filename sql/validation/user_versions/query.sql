SELECT
    v.user_id,
    v.user_key,
    v.valid_from,
    v.valid_to,
    v.is_current
FROM (
    SELECT
        u.user_id,
        u.user_key,
        u.valid_from,
        u.valid_to,
        u.is_current,
        lag(u.valid_to, 1, '-infinity') OVER of_user AS former_valid_to,
        lead(u.valid_from, 1, 'infinity') OVER of_user AS next_valid_from
    FROM warehouse.users AS u
    WINDOW of_user AS (PARTITION BY u.user_id ORDER BY u.valid_from)
) AS v
WHERE
    v.valid_from <> v.former_valid_to
    OR v.valid_to <> v.next_valid_from
    OR v.is_current <> (v.next_valid_from = 'infinity');
