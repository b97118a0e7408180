//! Answers as OpenAI's responses give them, whole and as events.
//! <https://platform.openai.com/docs/api-reference/responses/object>, `/responses-streaming`.

use serde_json::{Map, Value, json};

use super::super::asked::{Label, Told, Writer, arguments_text, calls, is_withheld, signature, thoughts};
use super::super::fault::Fault;
use super::super::frame::{Frame, Framing};
use crate::providers::model::{Answer, Finish, Piece, ToolCall, Usage, words};

/// An item of the output that is being told.
#[derive(Clone, Debug)]
struct Open {
    index: usize,
    text: String,
}

/// Writes responses.
#[derive(Clone, Debug)]
pub struct Responses {
    label: Label,
    repeated: Map<String, Value>,
    told: Told,
    sequence: u64,
    items: usize,
    reasoning: Option<Open>,
    message: Option<Open>,
}

impl Responses {
    /// A writer for one answer; `repeated` are the fields of the question that stand in it again.
    pub fn new(label: Label, repeated: Map<String, Value>) -> Responses {
        let told = Told::default();
        Responses { label, repeated, told, sequence: 0, items: 0, reasoning: None, message: None }
    }

    fn event(&mut self, name: &'static str, mut value: Value) -> Frame {
        value["type"] = json!(name);
        value["sequence_number"] = json!(self.sequence);
        self.sequence += 1;
        Frame::Event(name, value)
    }

    fn response(&self, status: &str, output: Vec<Value>) -> Value {
        let mut value = json!({
            "id": format!("resp_{}", self.label.id), "object": "response", "created_at": self.label.at,
            "status": status, "background": false, "error": null, "incomplete_details": null, "instructions": null,
            "max_output_tokens": null, "metadata": {}, "model": self.label.model, "output": output,
            "parallel_tool_calls": true, "previous_response_id": null, "reasoning": {"effort": null, "summary": null},
            "store": false, "temperature": null, "text": {"format": {"type": "text"}}, "tool_choice": "auto",
            "tools": [], "top_p": null, "truncation": "disabled", "usage": null,
        });
        for (name, field) in &self.repeated {
            value[name] = field.clone();
        }
        value
    }

    fn id(&self, kind: &str, index: usize) -> String {
        format!("{kind}_{}_{index}", self.label.id)
    }

    fn reasoning_item(&self, index: usize, text: &str, signature: Option<&str>, done: bool) -> Value {
        let summary =
            if done && !text.is_empty() { json!([{"type": "summary_text", "text": text}]) } else { json!([]) };
        let mut item = json!({"id": self.id("rs", index), "type": "reasoning", "summary": summary});
        if let Some(signature) = signature {
            item["encrypted_content"] = json!(signature);
        }
        item
    }

    fn message_item(&self, index: usize, text: &str, status: &str) -> Value {
        let content = if status == "in_progress" { json!([]) } else { json!([text_part(text)]) };
        let id = self.id("msg", index);
        json!({"id": id, "type": "message", "status": status, "role": "assistant", "content": content})
    }

    fn call_item(&self, index: usize, call: &ToolCall, done: bool) -> Value {
        let (status, arguments) =
            if done { ("completed", arguments_text(call)) } else { ("in_progress", String::new()) };
        json!({
            "id": self.id("fc", index), "type": "function_call", "status": status, "call_id": call.id,
            "name": call.name, "arguments": arguments,
        })
    }

    fn next_item(&mut self) -> usize {
        self.items += 1;
        self.items - 1
    }

    fn tell_reasoning(&mut self, text: &str) -> Vec<Frame> {
        let mut frames = Vec::new();
        let index = match &mut self.reasoning {
            Some(open) => {
                open.text.push_str(text);
                open.index
            }
            None => {
                let index = self.next_item();
                self.reasoning = Some(Open { index, text: text.to_string() });
                let item = self.reasoning_item(index, "", None, false);
                frames.push(self.event("response.output_item.added", json!({"output_index": index, "item": item})));
                let part = json!({"type": "summary_text", "text": ""});
                let at = self.summary_at(index, json!({"part": part}));
                frames.push(self.event("response.reasoning_summary_part.added", at));
                index
            }
        };
        let at = self.summary_at(index, json!({"delta": text}));
        frames.push(self.event("response.reasoning_summary_text.delta", at));
        frames
    }

    fn summary_at(&self, index: usize, mut value: Value) -> Value {
        value["item_id"] = json!(self.id("rs", index));
        value["output_index"] = json!(index);
        value["summary_index"] = json!(0);
        value
    }

    fn tell_text(&mut self, text: &str) -> Vec<Frame> {
        let mut frames = Vec::new();
        let index = match &mut self.message {
            Some(open) => {
                open.text.push_str(text);
                open.index
            }
            None => {
                let index = self.next_item();
                self.message = Some(Open { index, text: text.to_string() });
                let item = self.message_item(index, "", "in_progress");
                frames.push(self.event("response.output_item.added", json!({"output_index": index, "item": item})));
                let at = self.content_at(index, json!({"part": text_part("")}));
                frames.push(self.event("response.content_part.added", at));
                index
            }
        };
        let at = self.content_at(index, json!({"delta": text, "logprobs": []}));
        frames.push(self.event("response.output_text.delta", at));
        frames
    }

    fn content_at(&self, index: usize, mut value: Value) -> Value {
        value["item_id"] = json!(self.id("msg", index));
        value["output_index"] = json!(index);
        value["content_index"] = json!(0);
        value
    }

    /// The last events of the thoughts; their signature is known only now.
    fn close_reasoning(&mut self, signature: Option<&str>) -> (Vec<Frame>, Option<(usize, Value)>) {
        let Some(Open { index, text }) = self.reasoning.take() else {
            let Some(signature) = signature else { return (Vec::new(), None) };
            let index = self.next_item();
            let item = self.reasoning_item(index, "", Some(signature), true);
            let added = self.event("response.output_item.added", json!({"output_index": index, "item": item}));
            let done = self.event("response.output_item.done", json!({"output_index": index, "item": item}));
            return (vec![added, done], Some((index, item)));
        };
        let done = self.summary_at(index, json!({"text": text}));
        let part = self.summary_at(index, json!({"part": {"type": "summary_text", "text": text}}));
        let item = self.reasoning_item(index, &text, signature, true);
        let frames = vec![
            self.event("response.reasoning_summary_text.done", done),
            self.event("response.reasoning_summary_part.done", part),
            self.event("response.output_item.done", json!({"output_index": index, "item": item})),
        ];
        (frames, Some((index, item)))
    }

    fn close_message(&mut self, status: &str) -> (Vec<Frame>, Option<(usize, Value)>) {
        let Some(Open { index, text }) = self.message.take() else { return (Vec::new(), None) };
        let done = self.content_at(index, json!({"text": text, "logprobs": []}));
        let part = self.content_at(index, json!({"part": text_part(&text)}));
        let item = self.message_item(index, &text, status);
        let frames = vec![
            self.event("response.output_text.done", done),
            self.event("response.content_part.done", part),
            self.event("response.output_item.done", json!({"output_index": index, "item": item})),
        ];
        (frames, Some((index, item)))
    }

    fn tell_call(&mut self, call: &ToolCall) -> (Vec<Frame>, (usize, Value)) {
        let index = self.next_item();
        let (id, arguments) = (self.id("fc", index), arguments_text(call));
        let begun = self.call_item(index, call, false);
        let item = self.call_item(index, call, true);
        let delta = json!({"item_id": id, "output_index": index, "delta": arguments});
        let done = json!({"item_id": id, "output_index": index, "name": call.name, "arguments": arguments});
        let frames = vec![
            self.event("response.output_item.added", json!({"output_index": index, "item": begun})),
            self.event("response.function_call_arguments.delta", delta),
            self.event("response.function_call_arguments.done", done),
            self.event("response.output_item.done", json!({"output_index": index, "item": item})),
        ];
        (frames, (index, item))
    }

    /// The final response and the name of its event.
    fn last(&self, answer: &Answer, output: Vec<Value>) -> (&'static str, Value) {
        let why = match &answer.finish {
            Finish::Length => Some("max_output_tokens"),
            other if is_withheld(other) => Some("content_filter"),
            _ => None,
        };
        let (event, status) = match why {
            None => ("response.completed", "completed"),
            Some(_) => ("response.incomplete", "incomplete"),
        };
        let mut value = self.response(status, output);
        value["model"] = json!(answer.model);
        value["usage"] = usage(&answer.usage);
        if let Some(why) = why {
            value["incomplete_details"] = json!({"reason": why});
        }
        (event, value)
    }
}

impl Writer for Responses {
    fn framing(&self) -> Framing {
        Framing::Events
    }

    fn begin(&mut self) -> Vec<Frame> {
        let response = json!({"response": self.response("in_progress", Vec::new())});
        vec![self.event("response.created", response.clone()), self.event("response.in_progress", response)]
    }

    fn piece(&mut self, piece: &Piece) -> Vec<Frame> {
        self.told.count(piece);
        match piece {
            Piece::Text(text) if !text.is_empty() => self.tell_text(text),
            Piece::Reasoning(text) if !text.is_empty() => self.tell_reasoning(text),
            _ => Vec::new(),
        }
    }

    fn end(&mut self, answer: &Answer) -> Vec<Frame> {
        let rest = self.told.rest(answer);
        let mut frames: Vec<Frame> = rest.iter().flat_map(|piece| self.piece(piece)).collect();
        let mut output: Vec<(usize, Value)> = Vec::new();
        let (more, item) = self.close_reasoning(signature(&answer.parts));
        frames.extend(more);
        output.extend(item);
        let (more, item) = self.close_message(status(&answer.finish));
        frames.extend(more);
        output.extend(item);
        for call in calls(&answer.parts) {
            let (more, item) = self.tell_call(call);
            frames.extend(more);
            output.push(item);
        }
        output.sort_by_key(|(index, _)| *index);
        let (event, value) = self.last(answer, output.into_iter().map(|(_, item)| item).collect());
        frames.push(self.event(event, json!({"response": value})));
        frames
    }

    fn fail(&mut self, fault: &Fault) -> Vec<Frame> {
        let error = json!({"code": "server_error", "message": fault.message});
        let mut failed = self.response("failed", Vec::new());
        failed["error"] = error.clone();
        let mut told = error;
        told["param"] = Value::Null;
        vec![self.event("error", told), self.event("response.failed", json!({"response": failed}))]
    }

    fn whole(&self, answer: &Answer) -> Value {
        let mut output = Vec::new();
        let (thought, text) = (thoughts(&answer.parts), words(&answer.parts));
        let signature = signature(&answer.parts);
        if !thought.is_empty() || signature.is_some() {
            output.push(self.reasoning_item(output.len(), &thought, signature, true));
        }
        if !text.is_empty() {
            output.push(self.message_item(output.len(), &text, status(&answer.finish)));
        }
        for call in calls(&answer.parts) {
            output.push(self.call_item(output.len(), call, true));
        }
        self.last(answer, output).1
    }
}

fn text_part(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []})
}

fn status(finish: &Finish) -> &'static str {
    if *finish == Finish::Length || is_withheld(finish) { "incomplete" } else { "completed" }
}

fn usage(usage: &Usage) -> Value {
    let (input, output) = (usage.input.unwrap_or(0), usage.output.unwrap_or(0));
    json!({
        "input_tokens": input, "input_tokens_details": {"cached_tokens": usage.cached.unwrap_or(0)},
        "output_tokens": output, "output_tokens_details": {"reasoning_tokens": usage.reasoning.unwrap_or(0)},
        "total_tokens": input.saturating_add(output),
    })
}
