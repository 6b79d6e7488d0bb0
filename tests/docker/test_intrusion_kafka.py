"""Tries to get into Kafka: without credentials, with wrong ones, and with right ones for something else."""

import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from music_contract.topics import TOPICS

from tests.docker import engine, intruders
from tests.docker.intruders import ANSWER_LIMIT_S
from tests.second_platform import SecondPlatform
from tests.waiting import wait_until

pytestmark = pytest.mark.docker

CHECKOUT = Path(__file__).resolve().parents[2]

EVENTS = "music.stream-events"
DEAD_LETTERS = "music.stream-events.dlq"
DIMENSIONS = {
    "music.users",
    "music.songs",
    "music.artists",
    "music.albums",
    "music.devices",
    "music.locations",
}
SOURCES = {EVENTS, *DIMENSIONS}
ALL = {*SOURCES, DEAD_LETTERS}

# Who may do what; nobody else anything.
ALLOWED = {
    ("producer", "read"): set[str](),
    ("producer", "write"): SOURCES,
    ("stream", "read"): SOURCES,
    ("stream", "write"): {DEAD_LETTERS},
    ("operator", "read"): ALL,
    ("operator", "write"): ALL,
}
# The services that have the passwords of the users; the operator's is an output.
SERVICES = {"producer": "producer", "stream": "spark_job"}


# -----------------------------------------------------------------------------
# Connections
# -----------------------------------------------------------------------------


def settings_of(platform: SecondPlatform, user: str) -> dict[str, str]:
    """The settings of a client that has the name and the password of one of the platform's own users."""
    if user not in SERVICES:
        return platform.kafka_client
    environment = engine.containers(platform.name)[SERVICES[user]]["Config"]["Env"]
    values = dict(line.split("=", 1) for line in environment)
    assert values["MUSIC_KAFKA_USERNAME"] == user
    return {
        **platform.kafka_client,
        "sasl.username": user,
        "sasl.password": values["MUSIC_KAFKA_PASSWORD"],
    }


def refused_connection(settings: dict[str, str]) -> str:
    """Connect until the client says why it cannot; return what it says."""
    said: list[str] = []
    client = AdminClient({**settings, "error_cb": lambda error: said.append(str(error)), "log_level": 0})

    def is_refused() -> bool:
        with pytest.raises(KafkaException):
            client.list_topics(timeout=1)
        client.poll(0)
        return bool(said)

    wait_until(is_refused, ANSWER_LIMIT_S, "the client says why it cannot connect")
    return " ".join(said)


def test_kafka_takes_no_client_without_encryption(platform: SecondPlatform) -> None:
    refused_connection({"bootstrap.servers": platform.kafka_bootstrap_servers})


def test_kafka_takes_no_client_without_a_user(platform: SecondPlatform) -> None:
    known = platform.kafka_client
    refused_connection(
        {
            "bootstrap.servers": known["bootstrap.servers"],
            "security.protocol": "SSL",
            "ssl.ca.location": known["ssl.ca.location"],
        }
    )


@pytest.mark.parametrize("wrong", [{"sasl.password": "wrong"}, {"sasl.username": "nobody"}], ids=str)
def test_kafka_takes_no_wrong_name_or_password(platform: SecondPlatform, wrong: dict[str, str]) -> None:
    said = refused_connection({**platform.kafka_client, **wrong})
    assert "authentication" in said.lower()


def test_kafkas_certificate_comes_from_the_platforms_own_authority(platform: SecondPlatform) -> None:
    without = {name: value for name, value in platform.kafka_client.items() if name != "ssl.ca.location"}
    assert "certificate verify failed" in refused_connection(without)


# -----------------------------------------------------------------------------
# Topics
# -----------------------------------------------------------------------------


def may_write(settings: dict[str, str], topic: str) -> bool:
    """Whether the broker would take a record of a user.

    The record is larger than any topic takes, and the broker asks for rights first: nothing is written.
    """
    answers: list[KafkaError | None] = []
    producer = Producer(
        {**settings, "message.timeout.ms": ANSWER_LIMIT_S * 1000, "message.max.bytes": 4_000_000}
    )
    producer.produce(
        topic, key=b"intruder", value=bytes(3_000_000), on_delivery=lambda error, _: answers.append(error)
    )
    producer.flush(ANSWER_LIMIT_S + 5)
    assert len(answers) == 1 and answers[0] is not None, answers
    code = answers[0].code()
    assert code in (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.MSG_SIZE_TOO_LARGE), answers
    return code == KafkaError.MSG_SIZE_TOO_LARGE


def may_read(settings: dict[str, str], topic: str) -> bool:
    """Whether the broker gives a user the first record of a topic, or says that there is none."""
    consumer = Consumer(
        {**settings, "group.id": "intruder", "enable.auto.commit": False, "enable.partition.eof": True}
    )

    def answer() -> KafkaError | int | None:
        message = consumer.poll(1)
        if message is None:
            return None
        error = message.error()
        # No group is needed to read, so what may be done with groups is another question.
        if error is not None and error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED:
            return None
        return error if error is not None else KafkaError._PARTITION_EOF

    with closing(consumer):
        # Whoever may not even see a topic may not read it, and would be waited for in vain.
        seen = consumer.list_topics(topic, ANSWER_LIMIT_S).topics[topic].error
        if seen is not None:
            assert seen.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED, seen
            return False
        consumer.assign([TopicPartition(topic, 0, 0)])
        answered = wait_until(answer, ANSWER_LIMIT_S, f"an answer about {topic}")
    code = answered.code() if isinstance(answered, KafkaError) else answered
    assert code in (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError._PARTITION_EOF), answered
    return bool(code == KafkaError._PARTITION_EOF)


def test_it_is_written_out_here_who_may_do_what_with_every_topic_of_the_contract() -> None:
    assert set(TOPICS) == ALL


@pytest.mark.parametrize("topic", sorted(ALL))
@pytest.mark.parametrize(("user", "deed"), sorted(ALLOWED))
def test_a_user_may_do_with_a_topic_what_it_is_for_and_nothing_else(
    platform: SecondPlatform, user: str, deed: str, topic: str
) -> None:
    attempt = may_read if deed == "read" else may_write
    assert attempt(settings_of(platform, user), topic) == (topic in ALLOWED[user, deed])


def test_nobody_may_make_a_topic(platform: SecondPlatform) -> None:
    for user in ("producer", "stream", "operator"):
        client = AdminClient(settings_of(platform, user))
        (answer,) = client.create_topics([NewTopic("intruder", 1)]).values()
        with pytest.raises(KafkaException) as refusal:
            answer.result(ANSWER_LIMIT_S)
        assert refusal.value.args[0].code() in (
            KafkaError.TOPIC_AUTHORIZATION_FAILED,
            KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        ), user


# -----------------------------------------------------------------------------
# Rights
# -----------------------------------------------------------------------------

GIVE_THE_PRODUCER_THE_EVENTS = f"""
from confluent_kafka.admin import *
from music_contract.connection import secured

client = AdminClient(secured({{"bootstrap.servers": "kafka-1:9094"}}))
right = AclBinding(ResourceType.TOPIC, "{EVENTS}", ResourcePatternType.LITERAL, "User:producer", "*",
                   AclOperation.READ, AclPermissionType.ALLOW)
for answer in client.create_acls([right]).values():
    answer.result(30)
"""


def give_rights(platform: SecondPlatform) -> str:
    """What the deployment does with users and rights; return what it says."""
    container = engine.container(platform.name, "kafka_1")
    task = ["bash", str(CHECKOUT / "modules" / "task" / "docker" / "task.sh"), intruders.network(platform)]
    task += [container, intruders.image(platform, "contract"), "kafka.sh", "", "access"]
    result = subprocess.run(task, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_a_right_that_the_contract_does_not_know_is_taken_away(platform: SecondPlatform) -> None:
    producer = settings_of(platform, "producer")
    volume = f"{engine.container(platform.name, 'kafka_1')}-tls:/etc/music-platform/tls:ro"
    options = ["--rm", "--network", intruders.network(platform), "--volume", volume]
    options += ["--env", "MUSIC_TLS_DIR=/etc/music-platform/tls"]
    python = "/opt/music-platform/contract/venv/bin/python"
    image = intruders.image(platform, "contract")
    engine.docker("run", *options, "--entrypoint", python, image, "-c", GIVE_THE_PRODUCER_THE_EVENTS)
    wait_until(lambda: may_read(producer, EVENTS), ANSWER_LIMIT_S, "the producer may read")

    said = give_rights(platform)

    assert "producer: 0 rights given, 1 taken" in said and "stream: unchanged" in said, said
    wait_until(lambda: not may_read(producer, EVENTS), ANSWER_LIMIT_S, "the producer may not read any more")
    assert "producer: unchanged" in give_rights(platform)


# -----------------------------------------------------------------------------
# The listeners of brokers and controllers, and the one for the health check
# -----------------------------------------------------------------------------

# Runs inside of containers: asks for everybody's rights, which only an administrator is told, or for the
# topics, of which everyone is told those that he may see. Prints the number of the error or of topics, or why
# there is no answer.
ASK = """
import io, socket, ssl, struct, sys

host, port, papers, question = sys.argv[1:]
tls = "/etc/music-platform/tls"
questions = {
    "rights": (29, struct.pack(">bhbhhbb", 1, -1, 1, -1, -1, 1, 1)),
    "topics": (3, struct.pack(">i", -1)),
}

def text(answer):
    (length,) = struct.unpack(">h", answer.read(2))
    return answer.read(max(length, 0))

try:
    connection = socket.create_connection((host, int(port)), 20)
    if papers != "plain":
        context = ssl.create_default_context(cafile=f"{tls}/ca.pem")
        if papers == "certificate":
            context.load_cert_chain(f"{tls}/certificate.pem", f"{tls}/key.pem")
        connection = context.wrap_socket(connection, server_hostname=host)
    key, body = questions[question]
    message = struct.pack(">hhih", key, 1, 1, -1) + body
    connection.sendall(struct.pack(">i", len(message)) + message)
    stream = connection.makefile("rb")
    (length,) = struct.unpack(">i", stream.read(4))
    answer = io.BytesIO(stream.read(length)[4:])
    if question == "rights":
        print(struct.unpack(">ih", answer.read(6))[1])
    else:
        for _ in range(struct.unpack(">i", answer.read(4))[0]):
            answer.read(4), text(answer), answer.read(4), text(answer)
        print(struct.unpack(">ii", answer.read(8))[1])
except (OSError, struct.error) as error:
    print(f"no answer: {error}")
"""
NO_ERROR = "0"
CLUSTER_AUTHORIZATION_FAILED = "31"

LISTENERS = {"brokers": 9094, "controllers": 9093}
HEALTH_PORT = 9095


def ask(platform: SecondPlatform, service: str, host: str, port: int, papers: str, question: str) -> str:
    """What a broker answers to one of the platform's own containers."""
    container = engine.container(platform.name, service)
    return engine.docker("exec", container, "python3", "-c", ASK, host, str(port), papers, question).strip()


@pytest.fixture(params=sorted(LISTENERS))
def listener(request: pytest.FixtureRequest) -> Iterator[int]:
    yield LISTENERS[request.param]


def test_the_listeners_of_brokers_and_controllers_take_nobody_without_a_certificate(
    platform: SecondPlatform, listener: int
) -> None:
    said = ask(platform, "producer", "kafka-1", listener, "no certificate", "rights")
    assert "alert" in said and "certificate" in said.replace("CERTIFICATE", "certificate"), said


def test_the_certificate_of_another_server_gives_no_rights(platform: SecondPlatform, listener: int) -> None:
    said = ask(platform, "producer", "kafka-1", listener, "certificate", "rights")
    assert said == CLUSTER_AUTHORIZATION_FAILED


def test_the_certificate_of_a_broker_gives_all_rights(platform: SecondPlatform, listener: int) -> None:
    assert ask(platform, "kafka_1", "kafka-1", listener, "certificate", "rights") == NO_ERROR


def test_the_certificate_of_another_server_shows_no_topic(platform: SecondPlatform) -> None:
    brokers = LISTENERS["brokers"]
    assert ask(platform, "producer", "kafka-1", brokers, "certificate", "topics") == "0"
    assert int(ask(platform, "kafka_1", "kafka-1", brokers, "certificate", "topics")) >= len(ALL)


def test_the_listener_for_the_health_check_gives_no_rights_and_is_the_containers_own(
    platform: SecondPlatform,
) -> None:
    own = ("kafka_1", "127.0.0.1", HEALTH_PORT, "plain")
    assert ask(platform, *own, "rights") == CLUSTER_AUTHORIZATION_FAILED
    assert ask(platform, *own, "topics") == "0"
    elsewhere = ask(platform, "producer", "kafka-1", HEALTH_PORT, "plain", "topics")
    assert "Connection refused" in elsewhere
