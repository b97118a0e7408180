"""Runs the tests that want a real Home Assistant: brings one up on loopback beside a mosquitto, onboards it without a
person, connects the two, runs a command with their addresses in its environment, and takes both down again.

    python3 tests/peers/homeassistant.py FOLDER PROGRAM [ARGUMENTS...]

FOLDER keeps the virtual environment with Home Assistant (some hundred megabytes, from PyPI, fetched once). The command
gets HA_URL, HA_TOKEN, MQTT_URL and HA_CONFIG (the folder of its settings, with automations.yaml in it).
"""
import glob, http.client, json, os, shutil, signal, subprocess, sys, tempfile, time, urllib.error, urllib.parse, urllib.request, zipfile

from checks import free_port

VERSION = os.environ.get("HA_VERSION", "2024.3.3")   # the last release for Python 3.11
PYTHON = os.environ.get("HA_PYTHON", "python3.11")
# What it would otherwise install while it starts.
NEEDED = ["josepy<2", "paho-mqtt", "SQLAlchemy", "numpy", "PyTurboJPEG", "ha-av", "fnv-hash-fast",
          "psutil-home-assistant", "Pillow", "janus", "home-assistant-frontend", "securetar==2024.2.1"]
CONFIG = """
homeassistant: {name: Testhouse, time_zone: Europe/Paris, latitude: 48.8566, longitude: 2.3522, elevation: 35,
  unit_system: metric, currency: EUR, country: FR}
http: {server_host: 127.0.0.1, server_port: %d}
logger: {default: warning}
api:
websocket_api:
config:
webhook:
input_boolean: {test_flag: {name: Test flag}, lift: {}}
input_number: {level: {min: 0, max: 100}, lifted: {min: 0, max: 1000, initial: 0}}
counter: {hits: {}}
automation: !include automations.yaml
"""


def environment(folder):
    """The virtual environment with Home Assistant, made when it is not there."""
    ready = os.path.join(folder, f".ready-{VERSION}")
    if not os.path.exists(ready):
        subprocess.run([PYTHON, "-m", "venv", folder], check=True)
        pip = [os.path.join(folder, "bin", "pip")]
        with tempfile.TemporaryDirectory() as wheel:
            subprocess.run(pip + ["download", "-q", "--no-deps", "-d", wheel, f"homeassistant=={VERSION}"], check=True)
            inside = zipfile.ZipFile(glob.glob(wheel + "/homeassistant-*.whl")[0])
            constraints = os.path.join(folder, "constraints.txt")
            with open(constraints, "wb") as out:
                out.write(inside.read("homeassistant/package_constraints.txt"))
        subprocess.run(pip + ["install", "-q", "-c", constraints, f"homeassistant=={VERSION}"] + NEEDED, check=True)
        open(ready, "w").close()
    return os.path.join(folder, "bin", "hass")


class Home:
    def __init__(self, url):
        self.url, self.token = url, None

    def ask(self, path, body=None, form=None):
        headers, data = {}, None
        if self.token:
            headers["Authorization"] = "Bearer " + self.token
        if body is not None:
            headers["Content-Type"], data = "application/json", json.dumps(body).encode()
        if form is not None:
            data = urllib.parse.urlencode(form).encode()
        with urllib.request.urlopen(urllib.request.Request(self.url + path, data, headers), timeout=30) as answer:
            return json.loads(answer.read())

    def wait(self, path, wanted, seconds=180):
        end = time.time() + seconds
        while True:
            try:
                said = self.ask(path)
                if wanted(said):
                    return said
            except (OSError, http.client.HTTPException, ValueError) as error:
                said = error
            if time.time() > end:
                raise SystemExit(f"{path}: it does not come to that: {said}")
            time.sleep(0.2)

    def onboard(self, broker_port):
        client = self.url + "/"
        user = {"name": "Tester", "username": "tester", "password": "tester-pw", "client_id": client, "language": "en"}
        code = self.ask("/api/onboarding/users", user)["auth_code"]
        granted = self.ask("/auth/token", form={"grant_type": "authorization_code", "code": code, "client_id": client})
        # Good for half an hour, which is longer than anything here takes.
        self.token = granted["access_token"]
        flow = self.ask("/api/config/config_entries/flow", {"handler": "mqtt", "show_advanced_options": False})
        for _ in range(4):
            if flow["type"] != "form":
                break
            flow = self.ask("/api/config/config_entries/flow/" + flow["flow_id"], {"broker": "127.0.0.1", "port": broker_port})
        self.wait("/api/config", lambda said: said["state"] == "RUNNING")


def main():
    folder, command = sys.argv[1], sys.argv[2:]
    hass = environment(folder)
    work = tempfile.mkdtemp(prefix="fac-ha-")
    broker_port, port = free_port(), free_port()
    with open(work + "/mosquitto.conf", "w") as out:
        out.write(f"listener {broker_port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n")
    config = work + "/config"
    os.makedirs(config + "/.storage")
    with open(config + "/configuration.yaml", "w") as out:
        out.write(CONFIG % port)
    open(config + "/automations.yaml", "w").close()
    with open(config + "/.storage/onboarding", "w") as out:
        # The other steps would fetch things from elsewhere.
        out.write('{"version":4,"minor_version":1,"key":"onboarding","data":{"done":["core_config","analytics","integration"]}}')
    log = open(work + "/log", "w")
    mosquitto = shutil.which("mosquitto", path=os.environ["PATH"] + ":/usr/sbin")
    started = [subprocess.Popen([mosquitto, "-c", work + "/mosquitto.conf"], stdout=log, stderr=log),
               subprocess.Popen([hass, "-c", config, "--skip-pip"], stdout=log, stderr=log)]
    try:
        home = Home(f"http://127.0.0.1:{port}")
        home.wait("/api/onboarding", lambda said: True)
        home.onboard(broker_port)
        print(f"Home Assistant {home.ask('/api/config')['version']} is up", flush=True)
        told = {"HA_URL": home.url, "HA_TOKEN": home.token, "HA_CONFIG": config, "MQTT_URL": f"mqtt://127.0.0.1:{broker_port}"}
        code = subprocess.run(command, env={**os.environ, **told}).returncode
    finally:
        for one in started:
            one.send_signal(signal.SIGTERM)
        for one in started:
            try:
                one.wait(30)
            except subprocess.TimeoutExpired:
                one.kill()
        log.close()
    if code:
        print(open(work + "/log").read()[-4000:], file=sys.stderr)
    shutil.rmtree(work, ignore_errors=True)
    sys.exit(code)


main()
