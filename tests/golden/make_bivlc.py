"""Makes bivlc.parquet: two rows in the form that BiVLC is published in, written as Hugging Face writes its data sets.

    pip install pyarrow pillow && python make_bivlc.py
"""

import io

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image


def picture(color: str) -> dict:
    file = io.BytesIO()
    Image.new("RGB", (16, 16), color).save(file, "PNG")
    return {"bytes": file.getvalue(), "path": None}


rows = {
    "image": [picture("red"), picture("green")],
    "caption": ["a red square", "a green square"],
    "negative_caption": ["a blue square", "a square of green"],
    "negative_image": [picture("blue"), {"bytes": b"no picture", "path": None}],
    "type": ["REPLACE", "SWAP"],
    "subtype": ["attribute", "attribute"],
}
IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
schema = pa.schema([(name, IMAGE if "image" in name else pa.string()) for name in rows])
pq.write_table(pa.table(rows, schema=schema), "bivlc.parquet", compression="snappy")
