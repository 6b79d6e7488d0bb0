-- The listeners of an artist whom everybody hears lie scattered over the whole table: answered from the index alone.
-- depends: 0040.rollups

ALTER TABLE rollup.artist_listeners DROP CONSTRAINT artist_listeners_pkey;
ALTER TABLE rollup.artist_listeners
ADD PRIMARY KEY (artist_id, month, user_id) INCLUDE (plays, streams, ms_played);
