-- The named ranges of ListenBrainz and Spotify for Artists, each with the range that it is compared with. A range
-- that is not over is compared with as many days of the one before it; every date is in UTC, until is not included.
CREATE VIEW analytics.time_ranges AS
WITH today AS (
    SELECT (now() AT TIME ZONE 'UTC')::date AS today
),

calendar AS (
    SELECT
        p.period,
        p.length,
        t.today,
        p.starts_on
    FROM today AS t
    CROSS JOIN LATERAL (
        VALUES
        ('week', interval '1 week', date_trunc('week', t.today::timestamp)::date),
        ('month', interval '1 month', date_trunc('month', t.today::timestamp)::date),
        ('quarter', interval '3 months', date_trunc('quarter', t.today::timestamp)::date),
        (
            'half_year', interval '6 months',
            make_date(
                extract(YEAR FROM t.today)::integer,
                CASE WHEN extract(MONTH FROM t.today) < 7 THEN 1 ELSE 7 END,
                1
            )
        ),
        ('year', interval '1 year', date_trunc('year', t.today::timestamp)::date)
    ) AS p (period, length, starts_on)
)

SELECT
    'this_' || c.period AS range_name,
    c.starts_on AS since,
    c.today + 1 AS until,
    (c.starts_on - c.length)::date AS previous_since,
    least((c.starts_on - c.length)::date + (c.today + 1 - c.starts_on), c.starts_on) AS previous_until,
    false AS is_complete
FROM calendar AS c
UNION ALL
SELECT
    'last_' || c.period AS range_name,
    (c.starts_on - c.length)::date AS since,
    c.starts_on AS until,
    (c.starts_on - 2 * c.length)::date AS previous_since,
    (c.starts_on - c.length)::date AS previous_until,
    true AS is_complete
FROM calendar AS c
UNION ALL
SELECT
    'last_' || d.days || '_days' AS range_name,
    t.today + 1 - d.days AS since,
    t.today + 1 AS until,
    t.today + 1 - 2 * d.days AS previous_since,
    t.today + 1 - d.days AS previous_until,
    false AS is_complete
FROM today AS t
CROSS JOIN (VALUES (1), (7), (28), (90), (365)) AS d (days)
UNION ALL
SELECT
    'all_time' AS range_name,
    date '1970-01-01' AS since,
    t.today + 1 AS until,
    date '1970-01-01' AS previous_since,
    date '1970-01-01' AS previous_until,
    false AS is_complete
FROM today AS t;
