"""The servers that are compared: how each is configured, started and ended. Loopback only, each by its own pid."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
LOAD = TOP / "target/release/load"
CHITCHATD = TOP / "target/release/chitchatd"


class Failed(Exception):
    """Something that the comparison needs failed; the text says what to look at."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port, process, what, log):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise Failed(f"{what} ended with {process.returncode}:\n{tail(log)}")
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise Failed(f"{what} does not listen on port {port}:\n{tail(log)}")


def tail(log):
    return "\n".join(Path(log).read_text(errors="replace").splitlines()[-15:])


def stay_on(core):
    """What a child does before it becomes its program, so that all of its threads run on one core and it counts no
    other; nothing where any core will do."""
    return None if core is None else lambda: os.sched_setaffinity(0, {core})


class Server:
    """One server on two ports; `start` and `stop` may be called again and again."""

    protocol = "irc"
    parallel = 64
    keeps = False  # keeps a history, part of which it may write down behind the measured seconds

    def __init__(self, name, directory, certificate, core=None):
        self.name, self.directory = name, directory / name
        self.directory.mkdir()
        self.certificate, self.key = certificate
        self.core = core
        self.ports = {"plain": free_port(), "tls": free_port()}
        self.log = self.directory / "log"
        self.process = None
        self.configure()

    def configure(self):
        """Writes what the server needs to find."""

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            cwd=self.directory, start_new_session=True,
                                            preexec_fn=stay_on(self.core))
        for port in self.ports.values():
            wait_for_port(port, self.process, self.name, self.log)

    def stop(self):
        process, self.process = self.process, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def extra(self):
        return []


class Ngircd(Server):
    parallel = 8  # its listen backlog is 10

    def command(self):
        return ["ngircd", "--nodaemon", "--config", str(self.directory / "conf")]

    def configure(self):
        (self.directory / "conf").write_text(f"""
[Global]
Name = irc.test.example
Info = comparison
AdminInfo1 = none
AdminEMail = none@example.org
Listen = 127.0.0.1
Ports = {self.ports["plain"]}
MotdPhrase = comparison
ServerUID = root
ServerGID = root
[Limits]
MaxConnections = 0
MaxConnectionsIP = 0
MaxJoins = 0
MaxNickLength = 20
MaxPenaltyTime = 0
PingTimeout = 3600
PongTimeout = 3600
[Options]
DNS = no
Ident = no
PAM = no
SyslogFacility = local1
[SSL]
CertFile = {self.certificate}
KeyFile = {self.key}
Ports = {self.ports["tls"]}
""")


class Inspircd(Server):
    parallel = 2000  # registration is completed on a tick of one second

    def command(self):
        return ["inspircd", "--runasroot", "--nofork", "--config", str(self.directory / "conf")]

    def configure(self):
        (self.directory / "motd").write_text("comparison\n")
        (self.directory / "conf").write_text(f"""
<server name="irc.test.example" description="comparison" network="Test" id="00A">
<admin name="none" nick="none" email="none@example.org">
<module name="ssl_gnutls">
<sslprofile name="tls" provider="gnutls" certfile="{self.certificate}" keyfile="{self.key}">
<bind address="127.0.0.1" port="{self.ports["plain"]}" type="clients">
<bind address="127.0.0.1" port="{self.ports["tls"]}" type="clients" sslprofile="tls">
<connect name="main" allow="*" timeout="120" pingfreq="1h" hardsendq="100M" softsendq="100M" recvq="1M"
  threshold="1000000" commandrate="1000000000" fakelag="off" localmax="100000" globalmax="100000" limit="100000"
  maxchans="100" maxconnwarn="no" resolvehostnames="no" useident="no">
<class name="none" commands="">
<files motd="{self.directory}/motd">
<dns server="127.0.0.1" timeout="1">
<pid file="{self.directory}/pid">
<performance netbuffersize="65536" somaxconn="4096" softlimit="100000" clonesonconnect="no" quietbursts="yes">
<limits maxnick="30" maxchan="64">
<path configdir="{self.directory}" datadir="{self.directory}" logdir="{self.directory}" runtimedir="{self.directory}">
""")


class Ergo(Server):
    binary = None  # named with --ergo, or found on PATH

    def command(self):
        return [self.binary, "run", "--conf", str(self.directory / "conf.yaml")]

    def configure(self):
        # Its default is a history in memory, of 2048 lines a channel: that stays.
        (self.directory / "conf.yaml").write_text(f"""
network:
    name: Test
server:
    name: irc.test.example
    listeners:
        "127.0.0.1:{self.ports["plain"]}": {{}}
        "127.0.0.1:{self.ports["tls"]}":
            tls:
                cert: {self.certificate}
                key: {self.key}
    casemapping: ascii
    lookup-hostnames: false
    check-ident: false
    max-sendq: 100M
    ip-limits:
        count: false
        throttle: false
    ip-cloaking:
        enabled: false
    idle-timeouts:
        registration: 120s
        ping: 1h
        disconnect: 2h
accounts:
    authentication-enabled: false
    registration:
        enabled: false
channels:
    default-modes: +nt
    registration:
        enabled: false
datastore:
    path: {self.directory}/ircd.db
    autoupgrade: true
lock-file: {self.directory}/lock
languages:
    enabled: false
limits:
    nicklen: 32
    identlen: 20
    channellen: 64
    awaylen: 390
    kicklen: 390
    topiclen: 390
    monitor-entries: 100
    whowas-entries: 100
    chan-list-modes: 100
fakelag:
    enabled: false
history:
    enabled: true
    channel-length: 2048
    client-length: 256
    autoresize-window: 3d
    chathistory-maxmessages: 1000
    znc-maxmessages: 2048
    restrictions:
        expire-time: 1w
        grace-period: 1h
    persistent:
        enabled: false
logging:
    -
        method: stderr
        type: "* -userinput -useroutput"
        level: error
""")
        with open(self.log, "ab") as log:
            subprocess.run([self.binary, "initdb", "--conf", str(self.directory / "conf.yaml")],
                           check=True, stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=30)


class Chitchat(Server):
    protocol = "chitchat"
    keeps = True
    settings = ()
    program = CHITCHATD

    def command(self):
        command = [str(self.program), "--data", str(self.directory / "data"), "--registration", "open",
                   "--tls", f"127.0.0.1:{self.ports['tls']}", "--plain", f"127.0.0.1:{self.ports['plain']}"]
        for setting in ("accounts.bcrypt_cost=4", *self.unlimited(), *self.settings):
            command += ["--set", setting]
        return command

    def unlimited(self):
        # An older build lacks some of the limits, and does not start with what it does not know.
        example = subprocess.run([self.program, "config"], check=True, capture_output=True, text=True).stdout
        return [f"limits.{limit}=off" for limit in UNLIMITED if f"#{limit} = " in example]

    def extra(self):
        # The accounts live as long as the data, so each is registered once.
        return ["--state", str(self.directory / "accounts")]


class ChitchatAcked(Chitchat):
    def extra(self):
        return [*super().extra(), "--acknowledged"]


class ChitchatNormal(Chitchat):
    settings = ("history.sync=normal",)


class ChitchatNokeep(Chitchat):
    keeps = False
    settings = ("history.keep=off",)


class Other(Chitchat):
    """Another build of chitchatd, beside this one."""

    program = None  # named with --against


class OtherNormal(Other):
    settings = ChitchatNormal.settings


class OtherNokeep(Other):
    keeps = False
    settings = ChitchatNokeep.settings


# These limits would slow down or refuse the load; the IRC servers' limits are off as well.
UNLIMITED = ("connections", "per_address", "flood", "account_flood", "logins", "registrations", "rooms_made", "new_rooms",
             "joins", "first_messages", "repeats")

KINDS = {"chitchat": Chitchat, "other": Other, "chitchat-acked": ChitchatAcked, "chitchat-normal": ChitchatNormal,
         "other-normal": OtherNormal, "chitchat-nokeep": ChitchatNokeep, "other-nokeep": OtherNokeep,
         "ngircd": Ngircd, "inspircd": Inspircd, "ergo": Ergo}
PACKAGES = ("ngircd", "inspircd")
PEERS = (*PACKAGES, "ergo")
# What each configuration of the other build is compared with.
OTHERS = {"other": "chitchat", "other-normal": "chitchat-normal", "other-nokeep": "chitchat-nokeep"}


def install(names):
    missing = [name for name in names if name in PACKAGES and not shutil.which(name)]
    if missing:
        print("installing", *missing, file=sys.stderr)
        subprocess.run(["apt-get", "install", "-y", "-q", *missing], check=True, stdout=subprocess.DEVNULL,
                       env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
    build()


def build():
    subprocess.run(["cargo", "build", "--release", "--workspace", "--bin", "load", "--bin", "chitchatd"], cwd=TOP,
                   check=True)


def certificate(directory):
    pair = directory / "cert.pem", directory / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", pair[1], "-out", pair[0], "-days", "30", "-subj", "/CN=localhost"],
                   check=True, stderr=subprocess.DEVNULL)
    return pair
