-- The view is made by sql/queries from now on: it needs rollup.usable_time_zone, which is made after the migrations.
-- depends: 0060.dashboards

DROP VIEW analytics.my_listening;
