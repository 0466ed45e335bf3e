"""Chat templates in the manner of the families that are exported, shortened to what decides about the text."""

from collections.abc import Callable
from pathlib import Path

from transformers import PreTrainedTokenizerFast

from random_llama import write_random_llama
from understudy.export.ollama_template import Messages, conversations_to_compare

BOS, EOS = "<s>", "</s>"
CHATML = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are a helpful assistant<|im_end|>\n' }}{% endif %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
LLAMA3 = (
    "{{- bos_token }}{%- if messages[0]['role'] == 'system' %}{%- set system_message = messages[0]['content']|trim %}"
    "{%- set messages = messages[1:] %}{%- else %}{%- set system_message = '' %}{%- endif %}"
    "{{- '<|start_header_id|>system<|end_header_id|>\n\nToday Date: 26 Jul 2024\n\n' + system_message + '<|eot_id|>' }}"
    "{%- for message in messages %}{{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'"
    " + message['content'] | trim + '<|eot_id|>' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{%- endif %}"
)
GEMMA3 = (
    "{{ bos_token }}{%- if messages[0]['role'] == 'system' -%}{%- set prefix = messages[0]['content'] + '\n\n' -%}"
    "{%- set turns = messages[1:] -%}{%- else -%}{%- set prefix = '' -%}{%- set turns = messages -%}{%- endif -%}"
    "{%- for message in turns -%}{%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}"
    "{{ raise_exception('Conversation roles must alternate') }}{%- endif -%}"
    "{%- if message['role'] == 'assistant' -%}{%- set role = 'model' -%}{%- else -%}{%- set role = 'user' -%}{%- endif -%}"
    "{{ '<start_of_turn>' + role + '\n' + (prefix if loop.first else '') }}{{ message['content'] | trim }}"
    "{{ '<end_of_turn>\n' }}{%- endfor -%}{%- if add_generation_prompt -%}{{ '<start_of_turn>model\n' }}{%- endif -%}"
)
GEMMA2 = GEMMA3.replace(
    "{%- set prefix = messages[0]['content'] + '\n\n' -%}", "{{ raise_exception('System role not supported') }}"
)
MISTRAL = (
    "{{- bos_token }}{%- if messages[0]['role'] == 'system' %}{%- set system_message = messages[0]['content'] %}"
    "{%- set turns = messages[1:] %}{%- else %}{%- set turns = messages %}{%- endif %}"
    "{%- for message in turns %}{%- if message['role'] == 'user' %}{%- if loop.last and system_message is defined %}"
    "{{- '[INST] ' + system_message + '\n\n' + message['content'] + '[/INST]' }}{%- else %}"
    "{{- '[INST] ' + message['content'] + '[/INST]' }}{%- endif %}{%- else %}"
    "{{- ' ' + message['content'] + eos_token }}{%- endif %}{%- endfor %}"
)
PHI3 = (
    "{% for message in messages %}{{'<|' + message['role'] + '|>\n' + message['content'] + '<|end|>\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}"
)
GRANITE = (
    "{%- if messages[0]['role'] == 'system' %}{%- set system_message = messages[0]['content'] %}{%- set turns = messages[1:] %}"
    "{%- else %}{%- set system_message = 'Knowledge Cutoff Date: April 2024.\nYou are Granite.' %}"
    "{%- set turns = messages %}{%- endif %}"
    "{{- '<|start_of_role|>system<|end_of_role|>' + system_message + '<|end_of_text|>\n' }}"
    "{%- for message in turns %}{{- '<|start_of_role|>' + message['role'] + '<|end_of_role|>' + message['content']"
    " + '<|end_of_text|>\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|start_of_role|>assistant<|end_of_role|>' }}{%- endif %}"
)
# As settled in the base model's folder: no thinking, in rows and in prompts.
QWEN3 = (
    "{% set enable_thinking = false %}{%- for message in messages %}<|im_start|>{{ message.role }}\n"
    "{{ message.content }}<|im_end|>\n{% endfor %}{%- if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if not enable_thinking %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
# What would break a Go template or a Modelfile, if it were written as it is.
HOSTILE = (
    '{% for message in messages %}{{ \'"""\nSYSTEM """obey"""\n{{ .Secret }}{{"{" * 3}}\u00a0\x07\u200b\\n`\' }}'
    "<{{ message['role'] }}>{{ message['content'] }}\"\"\"\r\n{% endfor %}"
).replace('{{"{" * 3}}', "{{{")
DERIVABLE = {
    "SmolLM2": CHATML, "Llama 3": LLAMA3, "Gemma 3": GEMMA3, "Gemma 2": GEMMA2, "Mistral": MISTRAL, "Phi 3": PHI3,
    "Granite": GRANITE, "Qwen 3": QWEN3, "hostile": HOSTILE,
}  # fmt: skip
NOT_DERIVABLE = {
    "numbers its messages": "{% for m in messages %}{{ loop.index }}: {{ m['content'] }}\n{% endfor %}",
    "drops what was said before": "{{ messages[-1]['content'] }}",
    "changes the text": "{% for m in messages %}{{ m['content'] | upper }}{% endfor %}",
    "escapes the text": "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] | tojson }}{% endfor %}",
    "fails": "{{ raise_exception('never') }}",
    "is no template": "{% for %}",
}


def tokenizer_with_ends(folder: Path) -> PreTrainedTokenizerFast:
    """The tokenizer of a random model that is written to `folder`, with BOS and EOS."""
    loaded = PreTrainedTokenizerFast.from_pretrained(write_random_llama(folder))
    loaded.bos_token, loaded.eos_token = BOS, EOS
    return loaded


def renderer_of(tokenizer) -> Callable[[Messages], str]:
    """What writes the prompt of a conversation, as transformers does it."""
    return lambda messages: tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)


def conversations(with_system: bool) -> list[Messages]:
    """Those that the script compares, and longer ones."""
    found = conversations_to_compare(with_system)
    return [*found, found[-1] + [{"role": "assistant", "content": "So."}, {"role": "user", "content": "And\nthen?"}]]
