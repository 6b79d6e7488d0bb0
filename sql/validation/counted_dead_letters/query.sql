WITH counted AS (
    SELECT
        p.topic,
        p.partition,
        sum(p.dead_letters) AS dead_letters
    FROM ops.partitions AS p
    GROUP BY p.topic, p.partition
),

stored AS (
    SELECT
        d.topic,
        d.partition,
        count(*) AS dead_letters
    FROM ops.dead_letters AS d
    GROUP BY d.topic, d.partition
)

SELECT
    topic,
    partition,
    coalesce(c.dead_letters, 0) AS counted,
    coalesce(s.dead_letters, 0) AS stored
FROM counted AS c
FULL JOIN stored AS s USING (topic, partition)
WHERE coalesce(c.dead_letters, 0) <> coalesce(s.dead_letters, 0);
