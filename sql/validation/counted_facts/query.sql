SELECT
    l.facts AS counted,
    s.facts AS stored
FROM (SELECT coalesce(sum(p.facts), 0) AS facts FROM ops.partitions AS p) AS l
CROSS JOIN (SELECT count(*) AS facts FROM warehouse.stream_events) AS s
WHERE l.facts <> s.facts;
