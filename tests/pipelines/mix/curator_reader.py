"""Reads files with NeMo Curator's own interleaved readers, in a process of its own: they come with Ray.

    python curator_reader.py tars|parquet FILE...

One JSON line a row: the columns that Curator knows, with the SHA-256 of the image for its bytes.
"""

import hashlib
import json
import sys

from nemo_curator.stages.interleaved.io.readers import (
    InterleavedParquetReaderStage,
    InterleavedWebdatasetReaderStage,
)
from nemo_curator.stages.interleaved.utils.materialization import materialize_task_binary_content
from nemo_curator.tasks import FileGroupTask

kind, *paths = sys.argv[1:]
reader = (
    InterleavedWebdatasetReaderStage(images_field="image_members")
    if kind == "tars"
    else InterleavedParquetReaderStage()
)
task = materialize_task_binary_content(reader.process(FileGroupTask(dataset_name="shards", data=paths)))
for row in task.to_pyarrow().to_pylist():
    content = row["binary_content"]
    columns = {name: row[name] for name in ("sample_id", "position", "modality", "content_type", "text_content")}
    columns["error"] = row["materialize_error"]
    print(json.dumps({**columns, "sha256": hashlib.sha256(content).hexdigest() if content else None}))
