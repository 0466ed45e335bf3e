"""A real Slurm on loopback: munged, slurmctld and two slurmd from Debian's packages, started here and ended here.

Each node has its own host name and its own process ids (Linux namespaces), so cutting its power kills all that runs on it and
nothing else. All share this machine's files, as nodes of a cluster do. There is no accounting."""

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

DAEMONS = ("munged", "slurmctld", "slurmd")
COMMANDS = ("sbatch", "srun", "squeue", "scontrol", "sinfo", "unshare")
NODES = ("node1", "node2")
# More than this machine has, so that the profile's own requests fit: nothing is limited, Slurm only counts.
CPUS, MEMORY_MB = 16, 64_000
NEW_NODE = ["unshare", "--pid", "--fork", "--mount-proc", "--uts", "--kill-child"]
# A job's srun knows no SLURM_CONF any more: it looks where Debian's packages have the configuration.
ETC = Path("/etc/slurm")
BECOME_NODE = 'hostname "$1" && mount --bind "$2" "$3" && exec "$4" -D -N "$1"'
SYSTEM_PATHS = ("/usr/sbin", "/sbin")
STARTED_AFTER_S = 60

CONFIGURATION = """ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
MpiDefault=none
SwitchType=switch/none
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory,CR_LLN
SlurmdParameters=config_overrides
ReturnToService=1
MinJobAge=86400
KillWait=30
"""


def why_not_here() -> str | None:
    """The reason why Slurm can't be started on this machine, or None."""
    if missing := [name for name in (*DAEMONS, *COMMANDS) if program(name) is None]:
        return f"no {', '.join(missing)}: apt-get install slurmctld slurmd slurm-client munge"
    if os.geteuid() != 0:
        return "Slurm's daemons and the nodes' namespaces need root"
    if subprocess.run([*NEW_NODE, "true"], capture_output=True).returncode:
        return "this machine lets nobody make process and host name namespaces"
    return None


def program(name: str) -> str | None:
    """Where a program is; Debian keeps the daemons where users don't look."""
    return shutil.which(name) or shutil.which(name, path=os.pathsep.join(SYSTEM_PATHS))


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class LoopbackSlurm:
    """A cluster, as a context: `with LoopbackSlurm() as cluster`. `environment` is what Slurm's commands need to find it."""

    def __init__(self):
        # Not below pytest's own folder: munge asks that others may enter the folder of its socket.
        self.folder = Path(tempfile.mkdtemp(prefix="loopback-slurm-"))
        self.folder.chmod(0o755)
        self.environment = {"SLURM_CONF": str(self.folder / "etc/slurm.conf")}
        self._daemons: dict[str, subprocess.Popen] = {}

    def __enter__(self) -> "LoopbackSlurm":
        try:
            self._write_configuration()
            self._start("munged", [*self._munge(), "--foreground"])
            self._wait("munge", lambda: (self.folder / "munge.socket").exists())
            self._start("slurmctld", [program("slurmctld"), "-D", "-c"])
            for node in NODES:
                self._power_on(node)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for name in (*NODES, "slurmctld", "munged"):
            self._end(name)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _power_on(self, node: str) -> None:
        ETC.mkdir(exist_ok=True)
        node_paths = [str(self.folder / "etc"), str(ETC), program("slurmd")]
        self._start(node, [*NEW_NODE, "sh", "-c", BECOME_NODE, "sh", node, *node_paths])
        self._wait(node, lambda: self.state_of(node) == "idle")

    def cut_power(self, node: str) -> None:
        """Kill slurmd and every process of its jobs, and tell slurmctld, as an administrator or its time-out would."""
        self._end(node)
        self.run("scontrol", "update", f"nodename={node}", "state=down", "reason=cut")

    def state_of(self, node: str) -> str:
        return self.run("sinfo", "--noheader", "--nodes", node, "--format", "%t", check=False).strip()

    def jobs_on(self, node: str) -> list[str]:
        """The ids of the jobs that run on a node."""
        return self.run("squeue", "--noheader", "--states", "R", "--nodelist", node, "--format", "%A").split()

    def run(self, *command: str, check: bool = True) -> str:
        """What one of Slurm's commands prints."""
        done = subprocess.run(
            command, env={**os.environ, **self.environment}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0 or not check, done.stderr
        return done.stdout

    def _write_configuration(self) -> None:
        control, *ports = free_ports(1 + len(NODES))
        lines = [CONFIGURATION.format(host=socket.gethostname(), port=control, folder=self.folder)]
        for node, port in zip(NODES, ports, strict=True):
            (self.folder / f"spool-{node}").mkdir()
            lines.append(
                f"NodeName={node} NodeHostname={node} NodeAddr=127.0.0.1 Port={port} CPUs={CPUS} RealMemory={MEMORY_MB}\n"
            )
        lines.append(f"PartitionName=all Nodes={','.join(NODES)} Default=YES State=UP\n")
        (self.folder / "state").mkdir()
        (self.folder / "etc").mkdir()
        (self.folder / "etc/slurm.conf").write_text("".join(lines))
        key = self.folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o600)

    def _munge(self) -> list[str]:
        files = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        return [program("munged"), *(f"--{option}={self.folder}/munge.{end}" for option, end in files.items())]

    def _start(self, name: str, command: list[str]) -> None:
        with (self.folder / f"{name}.out").open("w") as output:
            self._daemons[name] = subprocess.Popen(
                command,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def _end(self, name: str) -> None:
        daemon = self._daemons.pop(name, None)
        if daemon is not None:
            daemon.kill()
            daemon.wait()

    def _wait(self, name: str, is_there: Callable[[], bool]) -> None:
        until = time.monotonic() + STARTED_AFTER_S
        while not is_there():
            ended = [daemon for daemon, process in self._daemons.items() if process.poll() is not None]
            assert not ended and time.monotonic() < until, f"{name} does not start:\n{self.logs()}"
            time.sleep(0.1)

    def logs(self) -> str:
        """The ends of all that the daemons wrote."""
        paths = [*self.folder.glob("*.log"), *self.folder.glob("*.out")]
        return "\n".join(f"{path.name}:\n{path.read_text(errors='replace')[-1500:]}" for path in sorted(paths))
