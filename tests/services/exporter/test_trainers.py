"""What trainers make of an export with conversations: TRL prepares its SFT, DPO and KTO rows, and trains on them.

TRL and torch are no dependencies of rooflog: where they are missing, their test is skipped. It was last run by hand
with trl 1.16.0, transformers 5.24.0, torch 2.13.0 (CPU) and datasets 5.2.0.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from events.log.log import Log
from services.runtime.nats_server import EmbeddedServer

from ..conftest import address
from .contract import story
from .test_exporter import export

OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}

_PREPARE = """
import sys
import torch
from datasets import load_dataset
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer
try:
    from trl import KTOConfig, KTOTrainer
except ImportError:
    from trl.experimental.kto import KTOConfig, KTOTrainer

home, out = sys.argv[1:]
vocabulary = {chr(n): n for n in range(32, 127)} | {"<pad>": 0, "<eos>": 1, "<unk>": 2}
words = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
words.pre_tokenizer = pre_tokenizers.Split("", "isolated")
tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>")
tokenizer.chat_template = (
    "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
)
small = LlamaConfig(vocab_size=128, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1)
LlamaForCausalLM(small).save_pretrained(out + "/model")
tokenizer.save_pretrained(out + "/model")
common = dict(output_dir=out, max_steps=1, per_device_train_batch_size=2, report_to=[], use_cpu=True, bf16=False)
for name, trainer, config in (
    ("messages", SFTTrainer, SFTConfig), ("prompt_completion", SFTTrainer, SFTConfig),
    ("dpo", DPOTrainer, DPOConfig), ("kto", KTOTrainer, KTOConfig),
):
    rows = load_dataset(home, name, split="train", cache_dir=out)
    made = trainer(model=out + "/model", args=config(**common), train_dataset=rows, processing_class=tokenizer)
    prepared = made.train_dataset
    assert len(prepared) == len(rows)
    made.train()
    print(name, "trained")
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The export of the story of the formats."""
    directory = tmp_path_factory.mktemp("exported")

    async def exported(url: str) -> str:
        log = await Log.connect(url)
        await story(log)
        answer = await export(log, directory)
        await log.close()
        path: str = answer["export_path"]
        return path

    with EmbeddedServer(directory) as server:
        return asyncio.run(exported(address(server)))


def python(script: str, *args: str, python: str = sys.executable) -> str:
    done = subprocess.run([python, "-c", script, *args], env=os.environ | OFFLINE, capture_output=True, text=True,
                          timeout=600, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr[-4_000:]
    return done.stdout


def test_trl_prepares_and_trains_on_every_format(home: str, tmp_path: Path) -> None:
    trl = os.environ.get("ROOFLOG_TEST_TRL_PYTHON") or (sys.executable if importlib.util.find_spec("trl") else None)
    if trl is None:
        pytest.skip("trl is not installed; ROOFLOG_TEST_TRL_PYTHON names a Python that has it")
    told = python(_PREPARE, home, str(tmp_path), python=trl)
    trained = [line.split()[0] for line in told.splitlines() if line.split()[-1:] == ["trained"]]
    assert trained == ["messages", "prompt_completion", "dpo", "kto"]
