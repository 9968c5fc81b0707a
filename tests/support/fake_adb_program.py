"""The program behind `fake_adb.Phones`: `fake_adb_program.py FOLDER [-s SERIAL] COMMAND ...`, without packages."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

PROGRAMS = {
    "getprop": 'sed -n "s/^$1=//p" {root}/properties',
    "df": 'echo "Filesystem     1K-blocks    Used Available Use% Mounted on"\n'
    'echo "/dev/block/dm-46 112000000 1000000 {free} 99% /data"',
    "taskset": 'echo "$1" >> {root}/masks; shift; exec "$@"',
}
"""What Android's shell has, or has otherwise than ours."""

UNAUTHORIZED = (
    "device unauthorized.\nThis adb server's $ADB_VENDOR_KEYS is not set\nTry 'adb kill-server' if that seems wrong.\n"
    "Otherwise check for a confirmation dialog on your device."
)


def main(folder, words):
    state = json.loads((folder / "state.json").read_text())
    with (folder / "calls").open("a") as log:
        log.write(json.dumps(words) + "\n")
    serial = os.environ.get("ANDROID_SERIAL", "")
    if words[:1] == ["-s"]:
        serial, words = words[1], words[2:]
    if words[0] == "devices":
        print("List of devices attached")
        for phone in state["phones"]:
            model = phone["properties"]["ro.product.model"].replace(" ", "_")
            facts = f"usb:1-2 product:panther model:{model} device:panther transport_id:1"
            known = facts if phone["state"] == "device" else "usb:1-2 transport_id:1"
            print(f"{phone['serial']:<22} {phone['state']} {known}")
        print()
        return 0
    phone = chosen(state["phones"], serial, words[0])
    fault = faulty(folder, state, words)
    if fault == "cable":
        return cable(words[0], phone, folder)
    if words[0] == "wait-for-device":
        return 0
    if words[0] == "get-state":
        print(phone["state"])
        return 0
    if words[0] == "push":
        return push(folder, phone, *words[1:], fault)
    if words[0] == "pull":
        return pull(folder, phone, *words[1:])
    if words[0] == "shell":
        return shell(folder, phone, " ".join(words[1:]), fault)
    print(f"adb: unknown command {words[0]}", file=sys.stderr)
    return 1


def chosen(phones, serial, command):
    found = [phone for phone in phones if not serial or phone["serial"] == serial]
    why = ""
    if not found:
        why = f"device '{serial}' not found" if serial else "no devices/emulators found"
    elif len(found) > 1:
        why = "more than one device/emulator"
    elif found[0]["state"] == "offline":
        why = "device offline"
    elif found[0]["state"] == "unauthorized":
        why = UNAUTHORIZED
    if why:
        before = "adb: error: failed to get feature set: " if command in ("push", "pull") else "error: "
        print(before + why, file=sys.stderr)
        sys.exit(1)
    return found[0]


def faulty(folder, state, words):
    for fault in state["faults"]:
        if not fault["times"] or not (
            words[0] == fault["command"] or fault["command"] in " ".join(words[1:])
        ):
            continue
        if fault["after"]:
            fault["after"] -= 1
            continue
        fault["times"] -= 1
        if fault["how"].startswith("become "):
            state["phones"][0]["properties"]["ro.build.fingerprint"] = fault["how"][7:]
        (folder / "state.json").write_text(json.dumps(state))
        return "cable" if fault["how"].startswith("become ") else fault["how"]
    (folder / "state.json").write_text(json.dumps(state))
    return ""


def cable(command, phone, folder):
    """The cable is pulled: the command has done a part of its work."""
    if command == "shell":
        sys.stdout.write("n=0\n")
        return 255
    if command == "push":
        print("adb: error: failed to read copy response: EOF", file=sys.stderr)
    else:
        print("adb: error: protocol fault (couldn't read status): Connection reset by peer", file=sys.stderr)
    return 1


def there(folder, phone, path):
    return folder / phone["serial"] / path.lstrip("/")


def push(folder, phone, local, remote, fault):
    local, to = Path(local), there(folder, phone, remote)
    needed = sum(path.stat().st_size for path in local.rglob("*") if path.is_file()) / 1024
    if needed > phone["free_kib"] or fault:
        said = fault or "remote couldn't write: No space left on device"
        print(
            f"adb: error: failed to copy '{local}/model.tflite' to '{remote}model.tflite': {said}",
            file=sys.stderr,
        )
        return 1
    shutil.copytree(local, to / local.name if to.is_dir() else to)
    print(f"{local}/: 4 files pushed, 0 skipped. 31.2 MB/s (4276352 bytes in 0.131s)")
    return 0


def pull(folder, phone, remote, local):
    found = there(folder, phone, remote)
    if not found.exists():
        print(
            f"adb: error: failed to stat remote object '{remote}': No such file or directory", file=sys.stderr
        )
        return 1
    to = Path(local)
    (shutil.copytree if found.is_dir() else shutil.copy)(found, to / found.name if to.is_dir() else to)
    print(f"{remote}/: 1 file pulled, 0 skipped. 1.1 MB/s (4000 bytes in 0.003s)")
    return 0


def shell(folder, phone, script, fault):
    """Run a script in sh, with the phone's folders in the place of ours."""
    root = folder / phone["serial"]
    lines = [f"{name}={value}" for name, value in phone["properties"].items()]
    (root / "properties").write_text("\n".join(lines) + "\n")
    if fault.startswith(("killed ", "exec ")):
        sabotage(root, fault)
    elif fault:
        print(fault, file=sys.stderr)
        return 1
    programs(root, phone["free_kib"])
    mapped = re.sub(r"(?<![\w/])/data/", f"{root}/data/", script)
    environment = {**os.environ, "PATH": f"{root}/system/bin:{os.environ['PATH']}"}
    done = subprocess.run(["sh", "-c", mapped], env=environment, stdin=subprocess.DEVNULL)
    return done.returncode


def programs(root, free):
    folder = root / "system/bin"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in PROGRAMS.items():
        (folder / name).write_text("#!/bin/sh\n" + text.format(root=root, free=free) + "\n")
        (folder / name).chmod(0o755)


def sabotage(root, fault):
    """Put a program in the place of the one that was pushed: one that a signal ends, or that is of another ABI."""
    kind, _, what = fault.partition(" ")
    for program in root.rglob("benchmark_model"):
        if kind == "killed":
            program.write_text(f"#!/bin/sh\necho 'INFO: Loaded model model.tflite'\nkill -{what} $$\n")
        else:
            said = f"/system/bin/sh: ./benchmark_model: {what}"
            program.write_text(f'#!/bin/sh\necho "{said}"\nexit 126\n')


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
