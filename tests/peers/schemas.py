"""Writes tests/data/model/*: JSON Schemas of request bodies, carved from the vendors' own clients, and recorded bodies.

Usage: schemas.py FOLDER. Needs the packages openai, anthropic, google-genai and ollama.

The schemas are what the types of the packages' parameters say, carved to what a text client sends, with
additionalProperties false wherever a type lists its fields, because OpenAI, Anthropic and Gemini refuse unknown ones.
(Ollama ignores them, which is worse: a misspelt option is then silently without effect.) The bodies are what the
packages send to a recorder, so that the schemas can be held against them.
"""

import http.server
import importlib.metadata
import json
import os
import sys
import threading

import anthropic
import google.genai
import ollama
import ollama._types
import openai
from anthropic.types import message_create_params
from google.genai import types
from openai.types.chat import completion_create_params
from openai.types.responses import response_create_params
from pydantic import BaseModel, TypeAdapter

FOLDER = sys.argv[1]
DROP = object()


def version(package):
    return f"{package} {importlib.metadata.version(package)} (PyPI)"


# Schemas


def carved(schema, keep):
    """The schema without prose, without what refers to a definition that is not kept, closed to unknown fields."""
    for name in keep:
        assert name in schema["$defs"], f"{name} is not one of {sorted(schema['$defs'])}"

    def walk(node):
        if isinstance(node, list):
            return [v for v in map(walk, node) if v is not DROP]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            name = node["$ref"].rsplit("/", 1)[1]
            return {"$ref": node["$ref"]} if name in keep else DROP
        out = {}
        for key, value in node.items():
            if key in ("title", "description", "default", "discriminator") and not isinstance(value, dict):
                continue
            if key in ("discriminator", "propertyNames"):
                continue
            if key == "format" and value in ("binary", "path"):
                return DROP
            if key == "properties":
                value = {n: w for n, w in ((n, walk(v)) for n, v in value.items()) if w is not DROP}
            elif key == "$defs":
                continue
            elif key in ("enum", "required", "const"):
                pass
            else:
                value = walk(value)
                if key == "anyOf" and any("$ref" in v for v in value):
                    # The client also takes plain mappings; what they must hold is the same.
                    value = [v for v in value if v != {"additionalProperties": True, "type": "object"}]
                if value is DROP or (key in ("anyOf", "oneOf") and not value):
                    return DROP
            out[key] = value
        if key_alone(out):
            return key_alone(out)
        if "required" in out and "properties" in out:
            out["required"] = [n for n in out["required"] if n in out["properties"]]
        if "properties" in out and "additionalProperties" not in out:
            out["additionalProperties"] = False
        return out

    def key_alone(out):
        for key in ("anyOf", "oneOf"):
            if set(out) == {key} and len(out[key]) == 1:
                return out[key][0]

    out = walk({k: v for k, v in schema.items() if k != "$defs"})
    out["$defs"] = {name: walk(schema["$defs"][name]) for name in sorted(keep)}
    return out


def write(name, comment, schema):
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$comment": comment, **schema}
    with open(os.path.join(FOLDER, name + ".schema.json"), "w") as file:
        json.dump(whole, file, indent=1)
        file.write("\n")


def openai_chat():
    schema = TypeAdapter(completion_create_params.CompletionCreateParamsBase).json_schema()
    ours = "openai__types__chat__chat_completion_"
    keep = {
        "ChatCompletionDeveloperMessageParam", "ChatCompletionSystemMessageParam", "ChatCompletionUserMessageParam",
        "ChatCompletionAssistantMessageParam", "ChatCompletionToolMessageParam", "ChatCompletionContentPartTextParam",
        "ChatCompletionContentPartImageParam", "ChatCompletionContentPartRefusalParam", "ImageURL", "File", "FileFile",
        "ChatCompletionMessageFunctionToolCallParam", ours + "message_function_tool_call_param__Function",
        "ChatCompletionFunctionToolParam", "FunctionDefinition", "ChatCompletionNamedToolChoiceParam",
        ours + "named_tool_choice_param__Function", "ChatCompletionStreamOptionsParam", "ResponseFormatText",
        "ResponseFormatJSONObject", "ResponseFormatJSONSchema", "JSONSchema",
    }
    schema = carved(schema, keep)
    schema["properties"]["stream"] = {"type": "boolean"}
    write("openai", version("openai") + ": chat.completion_create_params.CompletionCreateParamsBase, carved", schema)


def openai_responses():
    schema = TypeAdapter(response_create_params.ResponseCreateParamsBase).json_schema()
    keep = {
        "EasyInputMessageParam", "Message", "ResponseInputTextParam", "ResponseInputImageParam",
        "ResponseInputFileParam", "ResponseOutputMessageParam", "ResponseOutputTextParam",
        "ResponseOutputRefusalParam", "ResponseFunctionToolCallParam", "FunctionCallOutput",
        "ResponseInputTextContentParam", "ResponseInputImageContentParam", "ResponseInputFileContentParam",
        "ResponseReasoningItemParam", "Summary", "Content", "FunctionToolParam", "ToolChoiceFunctionParam",
        "ResponseTextConfigParam", "ResponseFormatText", "ResponseFormatJSONObject",
        "ResponseFormatTextJSONSchemaConfigParam", "openai__types__shared_params__reasoning__Reasoning",
        "StreamOptions",
    }
    schema = carved(schema, keep)
    schema["properties"]["stream"] = {"type": "boolean"}
    # The type leaves both optional, for prompts that are stored at the vendor.
    schema["required"] = ["model", "input"]
    write("responses", version("openai") + ": responses.response_create_params.ResponseCreateParamsBase, carved", schema)


def anthropic_messages():
    schema = TypeAdapter(message_create_params.MessageCreateParamsBase).json_schema()
    keep = {
        "UserMessageParam", "AssistantMessageParam", "TextBlockParam", "ImageBlockParam", "Base64ImageSourceParam",
        "URLImageSourceParam", "DocumentBlockParam", "Base64PDFSourceParam", "PlainTextSourceParam",
        "URLPDFSourceParam", "ThinkingBlockParam", "RedactedThinkingBlockParam", "ToolUseBlockParam",
        "ToolResultBlockParam", "ToolParam", "InputSchemaTyped", "ToolChoiceAnyParam", "ToolChoiceAutoParam",
        "ToolChoiceNoneParam", "ToolChoiceToolParam", "ThinkingConfigEnabledParam", "ThinkingConfigDisabledParam",
        "ThinkingConfigAdaptiveParam", "OutputConfigParam", "JSONOutputFormatParam", "CacheControlEphemeralParam",
        "MetadataParam", "CitationsConfigParam",
    }
    schema = carved(schema, keep)
    schema["properties"]["stream"] = {"type": "boolean"}
    # The package no longer has them, because newer models refuse them; models up to 4.6 take them.
    for name in ["temperature", "top_p", "top_k"]:
        schema["properties"][name] = {"type": "number"}
    # The arguments of a tool are any JSON Schema.
    schema["$defs"]["InputSchemaTyped"] = {"type": "object", "required": ["type"], "properties": {"type": {"const": "object"}}}
    comment = ": types.message_create_params.MessageCreateParamsBase, carved; the API refuses fields that are not listed"
    write("anthropic", version("anthropic") + comment, schema)


# What google-genai refuses to send outside of its enterprise platform.
NOT_DEVELOPER = ["modelSelectionConfig", "routingConfig", "audioTimestamp", "audioTranscriptionConfig"]


def gemini():
    parts = {}

    def of(type_, names):
        schema = TypeAdapter(type_).json_schema(by_alias=True)
        parts.update({n: d for n, d in schema.get("$defs", {}).items() if n not in parts})
        if "$ref" in schema:
            return
        own = {n: schema["properties"][n] for n in names or schema["properties"]}
        parts[type_.__name__] = {"type": "object", "properties": own}

    of(types.Schema, None)
    of(types.Blob, ["data", "mimeType"])
    of(types.FileData, ["fileUri", "mimeType"])
    of(types.FunctionCall, ["id", "name", "args"])
    of(types.FunctionResponse, ["id", "name", "response"])
    of(types.Part, ["text", "thought", "thoughtSignature", "inlineData", "fileData", "functionCall", "functionResponse"])
    of(types.Content, ["parts", "role"])
    of(types.FunctionDeclaration, ["name", "description", "parameters", "parametersJsonSchema"])
    of(types.Tool, ["functionDeclarations", "googleSearch", "codeExecution", "urlContext"])
    of(types.ToolConfig, ["functionCallingConfig"])
    of(types.SafetySetting, ["category", "threshold"])
    of(types.ThinkingConfig, None)
    config = TypeAdapter(types.GenerationConfig).json_schema(by_alias=True)["properties"]
    of(types.GenerationConfig, [n for n in config if n not in NOT_DEVELOPER])
    ref = lambda name: {"$ref": "#/$defs/" + name}
    many = lambda name: {"type": "array", "items": ref(name)}
    for name, keep in [("Blob", ["data", "mimeType"]), ("FileData", ["fileUri", "mimeType"])]:
        parts[name]["required"] = keep
        for field in keep:
            parts[name]["properties"][field] = {"type": "string"}
    for name in ["FunctionCall", "FunctionResponse", "FunctionDeclaration"]:
        parts[name]["required"] = ["name"]
    parts["Content"]["properties"]["parts"] = {**many("Part"), "minItems": 1}
    parts["Content"]["properties"]["role"] = {"enum": ["user", "model"]}
    parts["Content"]["required"] = ["parts"]
    # One of them is the part's data.
    data = ["text", "inlineData", "fileData", "functionCall", "functionResponse"]
    parts["Part"]["oneOf"] = [{"required": [name]} for name in data]
    whole = {
        "type": "object",
        "required": ["contents"],
        "properties": {
            "contents": {**many("Content"), "minItems": 1}, "systemInstruction": ref("Content"), "tools": many("Tool"),
            "toolConfig": ref("ToolConfig"), "generationConfig": ref("GenerationConfig"),
            "safetySettings": many("SafetySetting"), "cachedContent": {"type": "string"},
        },
        "$defs": parts,
    }
    wanted = {
        "Content", "Part", "Blob", "FileData", "FunctionCall", "FunctionResponse", "FunctionDeclaration", "Tool",
        "ToolConfig", "SafetySetting", "GenerationConfig", "Schema", "Type", "ThinkingConfig", "ThinkingLevel",
        "GoogleSearch", "ToolCodeExecution", "UrlContext", "FunctionCallingConfig", "FunctionCallingConfigMode",
        "HarmCategory", "HarmBlockThreshold", "MediaResolution",
    }
    missing = wanted - set(parts)
    schema = carved(whole, wanted - missing)
    assert not missing - {"ThinkingLevel"}, missing
    note = ": what types.GenerateContentConfig and its kin become for the developer API, carved"
    write("gemini", version("google-genai") + note, schema)


def ollama_chat():
    schema = ollama._types.ChatRequest.model_json_schema()
    schema = carved(schema, set(schema["$defs"]))
    string = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    defs = schema["$defs"]
    # The client makes base64 of what it calls an image; ids of calls are the server's (0.12 and later).
    defs["Image"] = {"type": "string", "pattern": "^[A-Za-z0-9+/]+=*$"}
    defs["Message"]["properties"]["tool_call_id"] = string
    defs["ToolCall"]["properties"]["id"] = string
    # The arguments of a tool are any JSON Schema.
    defs["Parameters"] = {"type": "object"}
    defs.pop("Property")
    # A request without messages only loads the model.
    schema["required"] = ["model", "messages"]
    note = ": types.ChatRequest; tool_call_id and id of calls added as the server has them (0.12 and later)"
    write("ollama", version("ollama") + note, schema)


# Bodies

recorded = []
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PIXEL_URL = "data:image/png;base64," + PIXEL
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


class Recorder(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        recorded.append({"wire": self.server.wire, "what": self.server.what, "path": self.path, "body": body})
        self.send_response(418)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


class City(BaseModel):
    city: str


def record():
    server = http.server.HTTPServer(("127.0.0.1", 0), Recorder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"

    def said(wire, what, call):
        server.wire, server.what = wire, what
        before = len(recorded)
        try:
            for _ in call() or []:
                pass
        except Exception as e:
            assert len(recorded) > before, f"{wire} {what}: {e!r}"

    user = [{"role": "user", "content": "Hello"}]
    system = [{"role": "system", "content": "Be brief"}]

    chat = openai.OpenAI(base_url=url + "/v1", api_key="k", max_retries=0)
    tools = [{"type": "function", "function": {"name": "weather", "description": "Tells", "parameters": CITY}}]
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}
    picture = [{"type": "text", "text": "What?"}, {"type": "image_url", "image_url": {"url": PIXEL_URL}}]
    results = user + [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
    ]
    make = chat.chat.completions.create
    usage = {"include_usage": True}
    said("openai", "text", lambda: make(model="m", messages=system + user, temperature=0.5, seed=1, stop=["x"]))
    said("openai", "developer", lambda: make(model="m", messages=[{"role": "developer", "content": "x"}] + user, max_completion_tokens=9))
    said("openai", "stream", lambda: make(model="m", messages=user, stream=True, stream_options=usage))
    said("openai", "image", lambda: make(model="m", messages=[{"role": "user", "content": picture}]))
    said("openai", "tools", lambda: make(model="m", messages=user, tools=tools, tool_choice="auto"))
    said("openai", "results", lambda: make(model="m", messages=results, tools=tools, stream=True, stream_options=usage))
    said("openai", "reasoning", lambda: make(model="m", messages=user, reasoning_effort="high"))
    said("openai", "structured", lambda: chat.chat.completions.parse(model="m", messages=user, response_format=City))

    make = chat.responses.create
    tools = [{"type": "function", "name": "weather", "description": "Tells", "parameters": CITY, "strict": False}]
    picture = [{"type": "input_text", "text": "What?"}, {"type": "input_image", "detail": "auto", "image_url": PIXEL_URL}]
    results = user + [
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "t"}], "encrypted_content": "s"},
        {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": '{"city": "Rome"}'},
        {"type": "function_call_output", "call_id": "call_1", "output": "rain"},
    ]
    said("responses", "text", lambda: make(model="m", input="Hello", instructions="Be brief", temperature=0.5, max_output_tokens=99))
    said("responses", "stream", lambda: make(model="m", input=system + user, stream=True, store=False))
    said("responses", "image", lambda: make(model="m", input=[{"role": "user", "content": picture}]))
    said("responses", "tools", lambda: make(model="m", input=user, tools=tools, tool_choice="auto"))
    said("responses", "results", lambda: make(model="m", input=results, tools=tools, include=["reasoning.encrypted_content"], store=False))
    said("responses", "reasoning", lambda: make(model="m", input=user, reasoning={"effort": "high", "summary": "auto"}))
    said("responses", "structured", lambda: chat.responses.parse(model="m", input=user, text_format=City))

    claude = anthropic.Anthropic(base_url=url, api_key="k", max_retries=0)
    make = lambda **more: claude.messages.create(model="m", max_tokens=2000, **more)
    tools = [{"name": "weather", "description": "Tells", "input_schema": CITY}]
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
    results = user + [
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "t", "signature": "s"},
                {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Rome"}},
            ],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "rain", "is_error": False}]},
    ]
    said("anthropic", "text", lambda: make(messages=user, system="Be brief", stop_sequences=["x"]))
    said("anthropic", "stream", lambda: make(messages=user, stream=True))
    said("anthropic", "image", lambda: make(messages=[{"role": "user", "content": [image, {"type": "text", "text": "What?"}]}]))
    said("anthropic", "tools", lambda: make(messages=user, tools=tools, tool_choice={"type": "auto"}))
    said("anthropic", "results", lambda: make(messages=results, tools=tools, stream=True))
    said("anthropic", "reasoning", lambda: make(messages=user, thinking={"type": "enabled", "budget_tokens": 1024}))
    schema = {"type": "json_schema", "schema": {**CITY, "additionalProperties": False}}
    said("anthropic", "structured", lambda: make(messages=user, output_config={"format": schema, "effort": "high"}))

    client = google.genai.Client(api_key="k", http_options=types.HttpOptions(base_url=url))
    config = lambda **more: types.GenerateContentConfig(
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True), **more
    )
    declared = lambda **more: [types.Tool(function_declarations=[types.FunctionDeclaration(name="weather", description="Tells", **more)])]
    make = lambda contents, **more: client.models.generate_content(model="m", contents=contents, config=config(**more))
    call = types.Part(function_call=types.FunctionCall(id="1", name="weather", args={"city": "Rome"}), thought_signature=b"s")
    results = [
        types.Content(role="user", parts=[types.Part(text="Hello")]),
        types.Content(role="model", parts=[call]),
        types.Content(role="user", parts=[types.Part.from_function_response(name="weather", response={"result": "rain"})]),
    ]
    picture = [types.Part(text="What?"), types.Part.from_bytes(data=b"\x89PNG", mime_type="image/png")]
    said("gemini", "text", lambda: make("Hello", system_instruction="Be brief", temperature=0.5, seed=1, stop_sequences=["x"], max_output_tokens=9))
    said("gemini", "stream", lambda: client.models.generate_content_stream(model="m", contents="Hello"))
    said("gemini", "image", lambda: make(picture))
    said("gemini", "tools", lambda: make("Hello", tools=declared(parameters_json_schema=CITY)))
    said("gemini", "tools as OpenAPI", lambda: make("Hello", tools=declared(parameters=types.Schema(type="OBJECT", properties={"city": types.Schema(type="STRING")}))))
    said("gemini", "results", lambda: make(results, tools=declared(parameters_json_schema=CITY)))
    said("gemini", "reasoning", lambda: make("Hello", thinking_config=types.ThinkingConfig(thinking_budget=1024, include_thoughts=True)))
    said("gemini", "structured", lambda: make("Hello", response_mime_type="application/json", response_json_schema=CITY))
    said("gemini", "structured by type", lambda: make("Hello", response_mime_type="application/json", response_schema=City))

    llama = ollama.Client(host=url)
    tools = [{"type": "function", "function": {"name": "weather", "description": "Tells", "parameters": CITY}}]
    results = user + [
        {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "weather", "arguments": {"city": "Rome"}}}]},
        {"role": "tool", "tool_name": "weather", "content": "rain"},
    ]
    make = lambda messages, **more: llama.chat(model="m", messages=messages, **more)
    said("ollama", "text", lambda: make(system + user, options={"temperature": 0.5, "num_ctx": 8192, "seed": 1}))
    said("ollama", "stream", lambda: make(user, stream=True, keep_alive="5m"))
    said("ollama", "image", lambda: make([{"role": "user", "content": "What?", "images": [PIXEL]}]))
    said("ollama", "tools", lambda: make(user, tools=tools))
    said("ollama", "results", lambda: make(results, tools=tools, stream=True))
    said("ollama", "reasoning", lambda: make(user, think=True))
    said("ollama", "structured", lambda: make(user, format=CITY))
    server.shutdown()
    by = {w: version(p) for w, p in [("openai", "openai"), ("responses", "openai"), ("anthropic", "anthropic"), ("gemini", "google-genai"), ("ollama", "ollama")]}
    with open(os.path.join(FOLDER, "recorded.json"), "w") as file:
        file.write("[\n" + ",\n".join(json.dumps({"by": by[r["wire"]], **r}) for r in recorded) + "\n]\n")


openai_chat()
openai_responses()
anthropic_messages()
gemini()
ollama_chat()
record()
