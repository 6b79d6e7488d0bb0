SELECT
    c.topic,
    c.partition,
    c.offsets_passed,
    c.missing,
    c.read,
    c.facts,
    c.duplicates,
    c.dimensions,
    c.dead_letters
FROM ops.conservation AS c
WHERE NOT c.balanced;
