"""How a client of Kafka shows who it is, given the environment."""

from music_contract import connection

SETTINGS = {"bootstrap.servers": "kafka:9092"}


def test_without_a_word_about_it_the_connection_is_plain() -> None:
    assert connection.secured(SETTINGS, {}) == SETTINGS
    assert connection.for_java({}) == {}


def test_a_user_shows_a_password_over_an_encrypted_connection() -> None:
    environment = {"MUSIC_TLS_DIR": "/tls", "MUSIC_KAFKA_USERNAME": "stream", "MUSIC_KAFKA_PASSWORD": "p"}
    assert connection.secured(SETTINGS, environment) == {
        **SETTINGS,
        "ssl.ca.location": "/tls/ca.pem",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "stream",
        "sasl.password": "p",
    }
    java = connection.for_java(environment)
    assert java["ssl.truststore.location"] == "/tls/ca.pem"
    assert 'username="stream" password="p";' in java["sasl.jaas.config"]


def test_whoever_has_a_certificate_and_no_user_shows_that() -> None:
    secured = connection.secured(SETTINGS, {"MUSIC_TLS_DIR": "/tls"})
    assert secured["security.protocol"] == "SSL"
    assert secured["ssl.key.location"] == "/tls/key.pem"


def test_a_client_elsewhere_needs_only_the_authoritys_certificate() -> None:
    environment = {
        "MUSIC_KAFKA_CA_FILE": "/ca.pem",
        "MUSIC_KAFKA_USERNAME": "me",
        "MUSIC_KAFKA_PASSWORD": "p",
    }
    assert connection.secured({}, environment)["ssl.ca.location"] == "/ca.pem"
