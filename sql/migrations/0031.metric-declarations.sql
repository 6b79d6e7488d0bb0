-- By which declaration the rows of each metric family were summed, and how far a rebuild by a new one has come.
-- depends: 0005.ops

CREATE TABLE ops.metric_families (
    family text PRIMARY KEY,
    fingerprint text NOT NULL,
    declaration jsonb NOT NULL,
    rebuilding_from timestamptz,
    declared_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN ops.metric_families.rebuilding_from IS
'Windows from this time on are still to be summed anew from the facts by the present declaration; null when all are';
