-- When the newest record that was read from a partition was appended: a newer one was not read, wherever it stands.
-- depends: 0080.final-by-the-watermark

ALTER TABLE ops.partitions ADD COLUMN appended_at timestamptz;
COMMENT ON COLUMN ops.partitions.appended_at IS
'The largest timestamp (by the broker) of the records before position; a newer record before it stands where the log lost its end';
