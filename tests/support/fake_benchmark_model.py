"""A stand-in of LiteRT's benchmark_model, on this machine's LiteRT: its flags, and what it prints, are the real ones.

Texts are those of tflite/tools/benchmark of LiteRT in 2026. Flags that it does not know are said as the real one says.
"""

import os
import resource
import signal
import sys
import time

KNOWN = {
    "graph": "",
    "num_threads": "-1",
    "num_runs": "50",
    "min_secs": "1",
    "max_secs": "150",
    "warmup_runs": "1",
    "warmup_min_secs": "0.5",
    "input_layer": "",
    "input_layer_shape": "",
    "input_layer_value_files": "",
    "output_filepath": "",
    "enable_op_profiling": "false",
    "report_peak_memory_footprint": "false",
    "use_xnnpack": "",
    "use_gpu": "false",
    "use_nnapi": "false",
    "delegate_serialize_dir": "",
    "delegate_serialize_token": "",
    "gpu_precision_loss_allowed": "true",
    "signature_to_run_for": "",
    "fake": "",
}
ROW = "\t{:>24}\t{:9.3f}\t{:9.3f}\t{:7.3f}%\t{:7.3f}%\t{:10.3f}\t{:9d}\t{}"
HEAD = "\t{:>24}\t{:>9}\t{:>9}\t{:>8}\t{:>8}\t{:>10}\t{:>9}\t{}".format(
    "[node type]", "[first]", "[avg ms]", "[%]", "[cdf%]", "[mem KB]", "[times called]", "[Name]"
)


def info(text):
    print(f"INFO: {text}", flush=True)


def main(words):
    flags, unknown = dict(KNOWN), []
    for word in words:
        name, _, value = word.removeprefix("--").partition("=")
        if name in KNOWN:
            flags[name] = value
        else:
            unknown.append(word)
    info("STARTING!")
    if unknown:
        print(f"WARN: Unconsumed cmdline flags: {' '.join(unknown)}")
    info("Log parameter values verbosely: [0]")
    info(f"Graph: [{flags['graph']}]")
    if flags["fake"] == "hang":
        time.sleep(60)
    import numpy
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    builtin = flags["use_xnnpack"] == "false"
    kinds = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES if builtin else OpResolverType.AUTO
    loaded = Interpreter(flags["graph"], experimental_op_resolver_type=kinds)
    info(f"Loaded model {flags['graph']}")
    loaded.allocate_tensors()
    delegates(flags, loaded)
    set_inputs(flags, loaded, numpy)
    info("The input model file size (MB): 0.001")
    info("Initialized session in 1.404ms.")
    run(loaded, int(flags["warmup_runs"]), float(flags["warmup_min_secs"]))
    times = run(loaded, int(flags["num_runs"]), min(float(flags["min_secs"]), 0.001))
    info(
        f"Inference timings in us: Init: 1404, First inference: 31, Warmup (avg): 30, Inference (avg): {times}"
    )
    info(
        "Note: as the benchmark tool itself affects memory footprint, the following is only APPROXIMATE to the actual "
        "memory footprint of the model at runtime. Take the information at your discretion."
    )
    info("Memory footprint delta from the start of the tool (MB): init=3.25 overall=4.5")
    if flags["report_peak_memory_footprint"] == "true":
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        info(f"Overall peak memory footprint (MB) via periodic monitoring: {peak:g}")
    if flags["enable_op_profiling"] == "true":
        profile(Interpreter(flags["graph"]), builtin)
    if flags["output_filepath"]:
        with open(flags["output_filepath"], "wb") as file:
            for details in loaded.get_output_details():
                file.write(loaded.get_tensor(details["index"]).tobytes())
    return 0


def delegates(flags, loaded):
    """Say of delegates what the real one says; the phone has a GPU unless it is told to have none."""
    if flags["use_gpu"] == "true":
        if flags["fake"] == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        if flags["fake"] == "no_gpu":
            print("WARN: GPU acceleration is unsupported on this platform.")
            return
        info("Created TensorFlow Lite delegate for GPU.")
        info("GPU delegate created.")
        if flags["fake"] == "unused":
            info(
                "Though GPU delegate is explicitly applied, the model graph will not be executed by the delegate."
            )
            return
        info(
            "Explicitly applied GPU delegate, and the model graph will be completely executed by the delegate."
        )
    if flags["use_xnnpack"] == "true":
        taken = [op for op in loaded._get_ops_details() if op["op_name"] == "DELEGATE"]
        info("XNNPACK delegate created.")
        info(
            "Explicitly applied XNNPACK delegate, and the model graph will be partially executed by the delegate w/ "
            f"{len(taken)} delegate kernels."
        )


def set_inputs(flags, loaded, numpy):
    details = loaded.get_input_details()
    names = [name for name in flags["input_layer"].split(",") if name]
    shapes = [shape for shape in flags["input_layer_shape"].split(":") if shape]
    files = dict(each.split(":") for each in flags["input_layer_value_files"].split(",") if each)
    if len(names) != len(shapes) or (names and len(names) != len(details)):
        print(
            "ERROR: The number of items in --input_layer_shape must match the number of items in --input_layer"
        )
        sys.exit(fail())
    for place, entry in enumerate(details):
        content = open(files[names[place]], "rb").read() if names else b""
        size = numpy.dtype(entry["dtype"]).itemsize * int(numpy.prod(entry["shape"]))
        if names and len(content) != size:
            print(
                f"FATAL: The size of {files[names[place]]} is {len(content)} bytes. It should be {size} bytes.",
                flush=True,
            )
            os.abort()
        if names:
            loaded.set_tensor(
                entry["index"], numpy.frombuffer(content, entry["dtype"]).reshape(entry["shape"])
            )


def run(loaded, runs, seconds):
    info(
        f"Running benchmark for at least {runs} iterations and at least {seconds:g} seconds but terminate if "
        "exceeding 150 seconds."
    )
    times, begun = [], time.perf_counter()
    while len(times) < runs or (runs and time.perf_counter() - begun < min(seconds, 0.001)):
        start = time.perf_counter()
        loaded.invoke()
        times.append(max(1, round(1e6 * (time.perf_counter() - start))))
    ranked = sorted(times)
    if not times:
        info("count=0\n")
        return 0
    quantiles = [ranked[min(len(ranked) - 1, len(ranked) * part // 100)] for part in (5, 50, 95)]
    said = "p5={} median={} p95={}".format(*quantiles)
    if len(set(times)) == 1:
        info(f"count={len(times)} curr={times[-1]}{' (all same)' if len(times) > 1 else ''} {said}\n")
    else:
        mean = sum(times) / len(times)
        info(
            f"count={len(times)} first={times[0]} curr={times[-1]} min={ranked[0]} max={ranked[-1]} avg={mean:g} std=2 "
            f"{said}\n"
        )
    return sum(times) / len(times)


def profile(loaded, builtin):
    """Print the table of operators: those of the graph, and what XNNPACK took as one row, with its own table behind."""
    loaded.allocate_tensors()
    plan = loaded._get_ops_details()
    own = [op for op in plan if op["op_name"] != "DELEGATE"]
    partitions = [] if builtin else [op for op in plan if op["op_name"] == "DELEGATE"]
    inside = [name for partition in partitions for name in taken_by(partition, own)]
    kept = [op["op_name"] for op in own]
    for name in inside:
        kept.remove(name)
    rows = ["TfLiteXNNPackDelegate"] * len(partitions) + kept
    info(
        "Profiling Info for Benchmark Initialization:\n"
        + table(["ModifyGraphWithDelegate", "AllocateTensors"])
    )
    print()
    info("Operator-wise Profiling Info for Regular Benchmark Runs:\n" + table(rows))
    if inside:
        print("Delegate internal: \n" + table([f"{name.title()} (NC, F32)" for name in inside]))


def taken_by(partition, own):
    """Name the operators between the ends of a partition, in order."""
    makers = {int(tensor): op for op in own for tensor in op["outputs"]}
    known, waiting, found = set(map(int, partition["inputs"])), list(map(int, partition["outputs"])), {}
    while waiting:
        tensor = waiting.pop()
        if tensor in known or tensor not in makers:
            continue
        known.add(tensor)
        found[makers[tensor]["index"]] = makers[tensor]["op_name"]
        waiting += map(int, makers[tensor]["inputs"])
    return [found[index] for index in sorted(found)]


def table(names):
    rows = [
        ROW.format(
            name, 0.125 * place, 0.125 * place, 10.0, 10.0 * place, 0.0, 1, f"[{name.lower()}]:{place}"
        )
        for place, name in enumerate(names, start=1)
    ]
    titles = ("Run Order", "Top by Computation Time")
    parts = [f"{'=' * 30} {title} {'=' * 30}\n{HEAD}\n" + "\n".join(rows) + "\n" for title in titles]
    return "\n".join([*parts, f"Number of nodes executed: {len(names)}"])


def fail():
    print("ERROR: Benchmarking failed.", flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
