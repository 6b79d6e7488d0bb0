-- Schemas and who may use them. The roles themselves are made when the server is configured, with their passwords.
-- depends:

CREATE SCHEMA warehouse;
CREATE SCHEMA metrics;
CREATE SCHEMA analytics;
CREATE SCHEMA ops;

COMMENT ON SCHEMA warehouse IS 'Star schema: the fact table stream_events and its dimensions';
COMMENT ON SCHEMA metrics IS 'One row per window and key, additive measures and distinct-count sketches';
COMMENT ON SCHEMA analytics IS 'Views: the stable interface for people and dashboards';
COMMENT ON SCHEMA ops IS 'Ledger, dead letters, progress and health of the stream';

GRANT USAGE ON SCHEMA warehouse, metrics, analytics, ops TO music_app;
GRANT USAGE ON SCHEMA analytics, ops TO music_readonly;

ALTER DEFAULT PRIVILEGES IN SCHEMA warehouse, metrics, ops GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO music_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA warehouse, metrics, ops GRANT USAGE ON SEQUENCES TO music_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA analytics GRANT SELECT ON TABLES TO music_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA analytics, ops GRANT SELECT ON TABLES TO music_readonly;
