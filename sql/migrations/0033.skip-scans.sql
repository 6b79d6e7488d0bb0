-- "One listener, song, device or place over time" is found by the primary key as well: PostgreSQL skips from one
-- window's start to the next (a look into the index each). Four indexes less to fill, at random places, with every row
-- of the stream.
-- depends: 0020.lighter-metrics

DROP INDEX metrics.user_engagement_user;
DROP INDEX metrics.content_performance_content;
DROP INDEX metrics.device_device;
DROP INDEX metrics.location_location;
