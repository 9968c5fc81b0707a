"""What vela prints, as its version 5.2 writes it."""

from __future__ import annotations

import pytest

from tflbuild.backends.vela.log import Complaint, complaints, failure

PRINTED = """Warning: No memory mode specified. Using a default of Shared_Sram. Compilation may be invalid.

Warning (supported operators) operator: CUSTOM, ofm: 'a, 'poses''
Reason: Unsupported opType

Warning (supported operators) operator: RESIZE_BILINEAR, ofm: 'ResizeBilinear_2'
Reason: Scaling matches and operation has unsupported scale-factor=16
IF not (IFM H == IFM W == 1) AND not IFM Shape == OFM Shape:
  - IF half pixel centers:
    - Scale-factor needs to be 2x

Warning (supported operators) operator: RELU, ofm: 'out0'
Quantization scale of any tensor must be positive.

Network summary for model
CPU operators = 3 (1.5%)
"""

REFUSED = """Traceback (most recent call last):
  File "vela.py", line 137, in process_regor
    compiled_model = regor.compile(accelerator, network)
RuntimeError: Compilation failed: Error: HARD_SWISH 'out0' Does not have valid TFLite Semantics.
 - IFM has to be 8bit
   IFM type=INT16,
Failed to parse TFLite file
"""


def test_every_operator_that_it_leaves_is_read_with_its_reason() -> None:
    wanted = "IF not (IFM H == IFM W == 1) AND not IFM Shape == OFM Shape: - IF half pixel centers:"
    assert complaints(PRINTED) == [
        Complaint("CUSTOM", "a, 'poses'", "Unsupported opType", ""),
        Complaint(
            "RESIZE_BILINEAR",
            "ResizeBilinear_2",
            "Scaling matches and operation has unsupported scale-factor=16",
            f"{wanted} - Scale-factor needs to be 2x",
        ),
        Complaint("RELU", "out0", "", "Quantization scale of any tensor must be positive."),
    ]
    assert complaints("CPU operators = 0 (0.0%)\n") == []


@pytest.mark.parametrize(
    ("reason", "constraint", "text"),
    [
        ("Unsupported opType", "", "Unsupported opType"),
        ("", "it must be positive", "it must be positive"),
        ("Batch > 1: 2, 4", "Batch must be 1.", "Batch > 1: 2, 4 - Batch must be 1."),
        ("x" * 500, "", "x" * 397 + "..."),
    ],
)
def test_its_words_are_one_line_that_is_not_too_long(reason: str, constraint: str, text: str) -> None:
    assert Complaint("ADD", "a", reason, constraint).text == text


@pytest.mark.parametrize(
    ("code", "printed", "errors", "said"),
    [
        (
            1,
            "",
            REFUSED,
            "HARD_SWISH 'out0' Does not have valid TFLite Semantics. - IFM has to be 8bit IFM type=INT16,",
        ),
        (1, "", "Traceback\nIndexError: map::at\n", "map::at"),
        (1, "Ethos_U55_Imaginary not found\n", "", "Ethos_U55_Imaginary not found"),
        (-8, "Warning: No memory mode specified.\n", "", "it crashed (SIGFPE)"),
        (-11, "no microblock\n", "", "it crashed (SIGSEGV) after it said: no microblock"),
        (1, " \n", "", "it said nothing"),
    ],
)
def test_why_it_failed_is_said_in_its_words(code: int, printed: str, errors: str, said: str) -> None:
    assert failure(code, printed, errors) == said
