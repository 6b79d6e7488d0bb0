-- Every index of a metrics table is filled with every row of it, at the rate of the stream. The windows that the
-- watermark closes are found by their start in the primary key; and while no index holds is_final, closing them
-- changes rows in their place.
-- depends: 0006.analytics

DROP INDEX metrics.user_engagement_open;
DROP INDEX metrics.content_performance_open;
DROP INDEX metrics.device_open;
DROP INDEX metrics.location_open;
DROP INDEX metrics.hourly_open;
