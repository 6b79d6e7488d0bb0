"""Whether what was killed or added has come to serve."""

import httpx
from confluent_kafka import KafkaException, TopicCollection
from music_contract.topics import TOPICS

from tests.docker import engine
from tests.faults import books
from tests.second_platform import SecondPlatform

# A machine that is busy starts a server of Java slowly.
RECOVERY_LIMIT_S = 180


def healthy_after(platform: SecondPlatform, service: str, restarts: int) -> bool:
    """Whether the engine has started a container again since, and it serves."""
    container = engine.containers(platform.name)[service]
    return bool(
        container["RestartCount"] > restarts
        and container["State"]["Running"]
        and container["State"]["Health"]["Status"] == "healthy"
    )


def all_in_sync(platform: SecondPlatform, copies: int) -> bool:
    """Whether every partition of the contract has so many copies, and all of them are up to date."""
    described = books.admin(platform).describe_topics(TopicCollection(list(TOPICS)))
    try:
        partitions = [partition for topic in described.values() for partition in topic.result().partitions]
    except KafkaException:
        # The broker that was asked has just been killed.
        return False
    return all(len(partition.isr) == len(partition.replicas) == copies for partition in partitions)


def alive_workers(platform: SecondPlatform) -> int:
    """How many workers the master takes for alive."""
    answer = httpx.get(f"{platform.spark_ui_url}/json/", timeout=30, follow_redirects=True)
    return sum(worker["state"] == "ALIVE" for worker in answer.raise_for_status().json()["workers"])


def executors_at_work(platform: SecondPlatform) -> set[str]:
    """The executors that have ended tasks of the stream; the first take long, as Java and Python start."""
    applications = f"{platform.spark_job_ui_url}/api/v1/applications"
    (application,) = httpx.get(applications, timeout=30).raise_for_status().json()
    answer = httpx.get(f"{applications}/{application['id']}/executors", timeout=30)
    return {
        executor["id"]
        for executor in answer.raise_for_status().json()
        if executor["isActive"] and executor["completedTasks"] > 0
    }
