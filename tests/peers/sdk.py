"""The vendors' own clients against the scripted model server: only a server that they accept is a fair stand-in.

Usage: sdk.py URL (of a server that answers as tests/it/model_server.rs `model_server_for_peers` does).
"""

import sys

import anthropic
import google.genai
import ollama
import openai
from google.genai import types

import checks
from checks import CITY, TOWNS, fails, same

URL = sys.argv[1]
MODEL = "test-model"


# OpenAI chat completions

chat = openai.OpenAI(base_url=URL + "/v1", api_key="sk-test", max_retries=0)
CHAT_TOOLS = [{"type": "function", "function": {"name": n, "description": n, "parameters": CITY}} for n, _ in TOWNS]


def ask_chat(words, **more):
    return chat.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": words}], **more)


def openai_whole():
    got = ask_chat("hello there")
    same(got.choices[0].message.content, "hello there")
    same((got.choices[0].finish_reason, got.usage.prompt_tokens, got.usage.completion_tokens), ("stop", 2, 2))


def openai_stream():
    for words in ["hello there", "noise", "length"]:
        text, why, usage = "", None, None
        for chunk in ask_chat(words, stream=True, stream_options={"include_usage": True}):
            for choice in chunk.choices:
                text += choice.delta.content or ""
                why = choice.finish_reason or why
            usage = chunk.usage or usage
        want = ("cut sho", "length") if words == "length" else (words, "stop")
        same((text, why), want)
        assert usage.total_tokens > 0


def openai_tools():
    with chat.chat.completions.stream(
        model=MODEL, messages=[{"role": "user", "content": "tool"}], tools=CHAT_TOOLS
    ) as stream:
        message = stream.get_final_completion().choices[0].message
    import json

    same([(c.function.name, json.loads(c.function.arguments)) for c in message.tool_calls], TOWNS)
    whole = ask_chat("tool", tools=CHAT_TOOLS).choices[0].message
    same([(c.function.name, json.loads(c.function.arguments)) for c in whole.tool_calls], TOWNS)
    results = [{"role": "tool", "tool_call_id": c.id, "content": "rain"} for c in message.tool_calls]
    calls = [
        {"id": c.id, "type": "function", "function": {"name": c.function.name, "arguments": c.function.arguments}}
        for c in message.tool_calls
    ]
    said = chat.chat.completions.create(
        model=MODEL,
        tools=CHAT_TOOLS,
        messages=[{"role": "user", "content": "tool"}, {"role": "assistant", "content": None, "tool_calls": calls}]
        + results,
    )
    same(said.choices[0].message.content, "the tools said rain, rain")


def openai_parsed():
    from pydantic import BaseModel

    class Answer(BaseModel):
        answer: int

    got = chat.chat.completions.parse(
        model=MODEL, messages=[{"role": "user", "content": "json"}], response_format=Answer
    )
    same(got.choices[0].message.parsed.answer, 42)


def openai_lists_and_failures():
    same([m.id for m in chat.models.list()], ["test-model", "other-model"])
    same(chat.models.retrieve(MODEL).id, MODEL)
    unknown = lambda: chat.chat.completions.create(model="nope", messages=[{"role": "user", "content": "x"}])
    fails(unknown, openai.NotFoundError, 404, "does not exist")


# OpenAI responses

RESPONSE_TOOLS = [
    {"type": "function", "name": n, "description": n, "parameters": CITY, "strict": False} for n, _ in TOWNS
]


def responses_whole():
    got = chat.responses.create(model=MODEL, input="hello there", instructions="be brief")
    same((got.output_text, got.status, got.usage.output_tokens), ("hello there", "completed", 2))


def responses_stream():
    import json

    with chat.responses.stream(model=MODEL, input="think") as stream:
        deltas = "".join(e.delta for e in stream if e.type == "response.output_text.delta")
        final = stream.get_final_response()
    same((deltas, final.output_text), ("thought through", "thought through"))
    same(final.output[0].summary[0].text, "let me see")
    same((final.usage.input_tokens_details.cached_tokens, final.usage.output_tokens_details.reasoning_tokens), (2, 3))
    with chat.responses.stream(model=MODEL, input="tool", tools=RESPONSE_TOOLS) as stream:
        for _ in stream:
            pass
        final = stream.get_final_response()
    same([(c.name, json.loads(c.arguments)) for c in final.output], TOWNS)
    results = [{"type": "function_call_output", "call_id": c.call_id, "output": "rain"} for c in final.output]
    calls = [
        {"type": "function_call", "call_id": c.call_id, "name": c.name, "arguments": c.arguments} for c in final.output
    ]
    said = chat.responses.create(model=MODEL, input=[{"role": "user", "content": "tool"}] + calls + results)
    same(said.output_text, "the tools said rain, rain")
    same(chat.responses.create(model=MODEL, input="length").status, "incomplete")


# Anthropic

claude = anthropic.Anthropic(base_url=URL, api_key="sk-test", max_retries=0)
CLAUDE_TOOLS = [{"name": n, "description": n, "input_schema": CITY} for n, _ in TOWNS]


def ask_claude(words, **more):
    return dict(model=MODEL, max_tokens=2000, messages=[{"role": "user", "content": words}], **more)


def anthropic_whole():
    got = claude.messages.create(**ask_claude("hello there", system="be brief"))
    same((got.content[0].text, got.stop_reason, got.usage.output_tokens), ("hello there", "end_turn", 2))


def anthropic_stream():
    for words in ["hello there", "noise"]:
        with claude.messages.stream(**ask_claude(words)) as stream:
            same("".join(stream.text_stream), words)
            same(stream.get_final_message().stop_reason, "end_turn")
    with claude.messages.stream(**ask_claude("think")) as stream:
        final = stream.get_final_message()
    same([b.type for b in final.content], ["thinking", "text"])
    same((final.content[0].thinking, final.content[0].signature), ("let me see", "sealed"))
    usage = final.usage
    same((usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens), (8, 2, 7))


def anthropic_tools():
    with claude.messages.stream(**ask_claude("tool", tools=CLAUDE_TOOLS)) as stream:
        final = stream.get_final_message()
    same([(b.name, b.input) for b in final.content], TOWNS)
    same(final.stop_reason, "tool_use")
    results = [{"type": "tool_result", "tool_use_id": b.id, "content": "rain"} for b in final.content]
    messages = [
        {"role": "user", "content": "tool"},
        {"role": "assistant", "content": final.content},
        {"role": "user", "content": results},
    ]
    said = claude.messages.create(model=MODEL, max_tokens=9, tools=CLAUDE_TOOLS, messages=messages)
    same(said.content[0].text, "the tools said rain, rain")


def anthropic_lists_and_failures():
    same([m.id for m in claude.models.list(limit=1)], ["test-model", "other-model"])
    same(claude.messages.count_tokens(model=MODEL, messages=[{"role": "user", "content": "a b c"}]).input_tokens, 3)
    unknown = lambda: claude.messages.create(model="nope", max_tokens=9, messages=[{"role": "user", "content": "x"}])
    fails(unknown, anthropic.NotFoundError, 404, "model: nope")


# Gemini, at both roots

gemini = google.genai.Client(api_key="test", http_options=types.HttpOptions(base_url=URL))
gemini_v1 = google.genai.Client(api_key="test", http_options=types.HttpOptions(base_url=URL, api_version="v1"))
GEMINI_TOOLS = [
    types.Tool(
        function_declarations=[
            types.FunctionDeclaration(name=n, description=n, parameters_json_schema=CITY) for n, _ in TOWNS
        ]
    )
]


def gemini_whole():
    for client in [gemini, gemini_v1]:
        got = client.models.generate_content(model=MODEL, contents="hello there")
        same((got.text, got.candidates[0].finish_reason.value), ("hello there", "STOP"))
        same((got.usage_metadata.prompt_token_count, got.usage_metadata.candidates_token_count), (2, 2))


def gemini_stream():
    for client in [gemini, gemini_v1]:
        # This client knows no comments between events.
        for words in ["hello there", "length"]:
            chunks = list(client.models.generate_content_stream(model=MODEL, contents=words))
            same("".join(c.text or "" for c in chunks), "cut sho" if words == "length" else words)
    chunks = list(gemini.models.generate_content_stream(model=MODEL, contents="think"))
    thoughts = [p.text for c in chunks for p in c.candidates[0].content.parts if p.thought]
    same("".join(thoughts), "let me see")
    usage = chunks[-1].usage_metadata
    same((usage.candidates_token_count, usage.thoughts_token_count, usage.cached_content_token_count), (4, 3, 2))


def gemini_tools():
    automatic = types.AutomaticFunctionCallingConfig(disable=True)
    config = types.GenerateContentConfig(tools=GEMINI_TOOLS, automatic_function_calling=automatic)
    chunks = list(gemini.models.generate_content_stream(model=MODEL, contents="tool", config=config))
    calls = [c for chunk in chunks for c in chunk.function_calls or []]
    same([(c.name, c.args) for c in calls], TOWNS)
    parts = [types.Part(function_call=c, thought_signature=b"sealed") for c in calls]
    results = [types.Part.from_function_response(name=c.name, response={"result": "rain"}) for c in calls]
    talk = [
        types.Content(role="user", parts=[types.Part(text="tool")]),
        types.Content(role="model", parts=parts),
        types.Content(role="user", parts=results),
    ]
    said = gemini.models.generate_content(model=MODEL, contents=talk, config=config)
    same(said.text, "the tools said rain, rain")


def gemini_lists_and_failures():
    same([m.name for m in gemini.models.list(config={"page_size": 1})], ["models/test-model", "models/other-model"])
    same(gemini.models.get(model=MODEL).input_token_limit, 8192)
    unknown = lambda: gemini.models.generate_content(model="nope", contents="x")
    fails(unknown, google.genai.errors.ClientError, 404, "is not found")


# Ollama

llama = ollama.Client(host=URL)
OLLAMA_TOOLS = CHAT_TOOLS


def ollama_whole():
    got = llama.chat(model=MODEL, messages=[{"role": "user", "content": "hello there"}])
    same((got.message.content, got.done_reason, got.prompt_eval_count, got.eval_count), ("hello there", "stop", 2, 2))


def ollama_stream():
    chunks = list(llama.chat(model=MODEL, messages=[{"role": "user", "content": "think"}], think=True, stream=True))
    same("".join(c.message.thinking or "" for c in chunks), "let me see")
    same("".join(c.message.content or "" for c in chunks), "thought through")
    same((chunks[-1].done, chunks[-1].prompt_eval_count, chunks[-1].eval_count), (True, 10, 7))


def ollama_tools():
    chunks = list(
        llama.chat(model=MODEL, messages=[{"role": "user", "content": "tool"}], tools=OLLAMA_TOOLS, stream=True)
    )
    calls = [call for c in chunks for call in c.message.tool_calls or []]
    same([(c.function.name, dict(c.function.arguments)) for c in calls], TOWNS)
    messages = [
        {"role": "user", "content": "tool"},
        {"role": "assistant", "content": "", "tool_calls": calls},
        {"role": "tool", "tool_name": "weather", "content": "rain"},
    ]
    same(llama.chat(model=MODEL, messages=messages).message.content, "the tools said rain")


def ollama_models():
    same([m.model for m in llama.list().models], ["test-model:latest", "other-model:latest"])
    shown = llama.show("other-model")
    same(shown.capabilities, ["completion", "vision", "tools", "thinking"])
    same(shown.modelinfo["test.context_length"], 8192)
    steps = list(llama.pull("another", stream=True))
    same((steps[0].status, steps[-1].status), ("pulling manifest", "success"))
    same([s.completed for s in steps if s.completed], [250, 500, 1000])
    fails(lambda: llama.delete("nope"), ollama.ResponseError, 404, "not found")
    fails(lambda: llama.chat(model="nope", messages=[]), ollama.ResponseError, 404, "not found")


wanted = [
    (name, value, [])
    for name, value in list(globals().items())
    if callable(value) and name.split("_")[0] in {"openai", "responses", "anthropic", "gemini", "ollama"} and "_" in name
    and name != "gemini_v1"
]
failed = checks.run(wanted)
print(f"{len(wanted) - failed} of {len(wanted)} with", checks.versions("openai", "anthropic", "google-genai", "ollama"))
sys.exit(1 if failed else 0)
