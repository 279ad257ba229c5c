"""
USB HID devices for a child process that believes them real: udev, sysfs and /dev/hidraw* come from umockdev, so that
hidapi's own code runs. The child inherits the preload from umockdev-wrapper and says over a socket, a line of JSON
each, what is plugged in and what a device answers:

    umockdev-wrapper python3 world.py SOCKET COMMAND…

to us    {"do": "plug", "node": 0, "vid": "0801", ...} · {"do": "unplug", "node": 0} · {"do": "input", "node": 0, "hex": ""}
         {"do": "feature", "node": 0, "hex": ""}: the answer to the last "get"
         "plug" with {"terminal": "/dev/pts/7"}: the node is this one, whose other end whoever plugs in holds and hears
from us  {"is": "plugged" | "unplugged"} · {"is": "output" | "set", "node": 0, "hex": ""} · {"is": "get", "node": 0, "id": 0, "size": 9}

A pseudo-terminal stands in for the device node, and keeps no borders between reports: host writes are cut by the
length of a report, and an input report is sent only once the one before was read.
"""
import ctypes
import json
import os
import select
import socket
import struct
import subprocess
import sys
import threading
import time
import tty

import gi

gi.require_version("UMockdev", "1.0")
from gi.repository import GLib, UMockdev  # noqa: E402

FIONREAD = 0x541B
SYS_IOCTL = {"x86_64": 16, "aarch64": 29}[os.uname().machine]
libc = ctypes.CDLL(None)
testbed = UMockdev.Testbed.new()
nodes = {}


class Node:
    """One plugged-in device: its terminal, its report descriptor, its feature report."""

    def __init__(self, number, about):
        self.number = number
        self.descriptor = bytes.fromhex(about["descriptor"])
        self.report_bytes = about["report_bytes"]
        self.path = "/dev/hidraw%d" % number
        self.sys = add_to_sysfs(number, about)
        self.answer = None
        self.answered = threading.Event()
        self.is_gone = False
        self.input_lock = threading.Lock()
        self.ioctls = UMockdev.IoctlBase()
        self.ioctls.connect("handle-ioctl", self.handle_ioctl)
        testbed.attach_ioctl(self.path, self.ioctls)
        self.fd = testbed.get_dev_fd(self.path)
        tty.setraw(self.fd)
        self.hearing = None
        if "terminal" in about:
            self.take_over(about["terminal"])
        os.chmod(testbed.get_root_dir() + self.path, about.get("mode", 0o600))
        if self.fd is not None:
            self.hearing = threading.Thread(target=self.hear, daemon=True)
            self.hearing.start()

    def take_over(self, terminal):
        """The node leads to a terminal of somebody else."""
        os.rename(entry_of(self.terminal()), entry_of(terminal))
        os.unlink(testbed.get_root_dir() + self.path)
        os.symlink(terminal, testbed.get_root_dir() + self.path)
        os.close(self.fd)
        self.fd = None

    def hear(self):
        pending = b""
        size = self.report_bytes + 1
        # A read that waits would keep the terminal open past its closing.
        while not self.is_gone:
            if not select.select([self.fd], [], [], 0.02)[0]:
                continue
            try:
                pending += os.read(self.fd, 4096)
            except OSError:
                time.sleep(0.01)  # Nobody has it open.
            while len(pending) >= size:
                tell({"is": "output", "node": self.number, "hex": pending[:size].hex()})
                pending = pending[size:]

    def say(self, report):
        with self.input_lock, open(self.terminal(), "rb", buffering=0) as near:
            os.write(self.fd, report)
            # It reaches the near end a moment later, and is read a moment after that.
            wait_until(lambda: waiting_bytes(near) > 0, 0.04)
            wait_until(lambda: waiting_bytes(near) == 0, 2)

    def terminal(self):
        return os.readlink(testbed.get_root_dir() + self.path)

    def handle_ioctl(self, _base, client):
        request = client.get_request() & 0xFFFFFFFF
        kind, number, size = (request >> 8) & 0xFF, request & 0xFF, (request >> 16) & 0x3FFF
        if kind != ord("H"):
            return False
        argument = client.get_arg()
        if number == 1:  # HIDIOCGRDESCSIZE
            argument.resolve(0, 4).update(0, struct.pack("=I", len(self.descriptor)))
            client.complete(0, 0)
        elif number == 2:  # HIDIOCGRDESC
            padded = self.descriptor.ljust(4096, b"\0")
            argument.resolve(0, 4 + 4096).update(4, padded)
            client.complete(0, 0)
        elif number == 6:  # HIDIOCSFEATURE
            data = bytes(argument.resolve(0, size).retrieve())
            tell({"is": "set", "node": self.number, "hex": data[:size].hex()})
            client.complete(size, 0)
        elif number == 7:  # HIDIOCGFEATURE
            buffer = argument.resolve(0, size)
            self.answered.clear()
            tell({"is": "get", "node": self.number, "id": bytes(buffer.retrieve())[0], "size": size})
            if not self.answered.wait(5) or self.answer is None:
                client.complete(-1, 110)  # ETIMEDOUT
            else:
                data = self.answer[:size]
                buffer.update(0, data)
                client.complete(len(data), 0)
        else:
            client.complete(-1, 22)
        return True


def entry_of(terminal):
    return testbed.get_root_dir() + "/dev/.ptymap/" + terminal.replace("/", "_")


def waiting_bytes(file):
    count = ctypes.c_int(0)
    # Past the preload, which would take this ioctl for one of the device.
    libc.syscall(SYS_IOCTL, file.fileno(), FIONREAD, ctypes.byref(count))
    return count.value


def wait_until(is_true, seconds):
    give_up_at = time.monotonic() + seconds
    while not is_true() and time.monotonic() < give_up_at:
        time.sleep(0.001)


def add_to_sysfs(number, about):
    """The four devices that udev shows for one HID interface: USB device, interface, HID device, node."""
    vid, pid, at = about["vid"], about["pid"], about["at"]
    interface, serial = about.get("interface", 0), about.get("serial", "")
    usb = "/devices/pci0000:00/0000:00:14.0/usb1/%s" % at
    bus_id = "0003:%s:%s.%04X" % (vid.upper(), pid.upper(), number + 1)
    hid = "%s/%s:1.%d/%s" % (usb, at, interface, bus_id)
    stanzas = """P: {hid}/hidraw/hidraw{n}
N: hidraw{n}
E: SUBSYSTEM=hidraw
E: DEVNAME=/dev/hidraw{n}
E: MAJOR=240
E: MINOR={n}
A: dev=240:{n}\\n
L: device=../../../{bus_id}

P: {hid}
E: SUBSYSTEM=hid
E: HID_ID=0003:0000{VID}:0000{PID}
E: HID_NAME={maker} {product}
E: HID_PHYS=usb-0000:00:14.0-{at}/input{i}
E: HID_UNIQ={serial}
H: report_descriptor={descriptor}

P: {usb}/{at}:1.{i}
E: SUBSYSTEM=usb
E: DEVTYPE=usb_interface
A: bInterfaceNumber={i:02d}\\n

P: {usb}
E: SUBSYSTEM=usb
E: DEVTYPE=usb_device
A: idVendor={vid}\\n
A: idProduct={pid}\\n
A: bcdDevice=0100\\n
A: manufacturer={maker}\\n
A: product={product}\\n
A: serial={serial}\\n
""".format(hid=hid, n=number, bus_id=bus_id, VID=vid.upper(), PID=pid.upper(), vid=vid, pid=pid, at=at, i=interface,
           serial=serial, usb=usb, descriptor=about["descriptor"], maker=about.get("maker", "ACME"),
           product=about.get("product", "Encoder"))
    # The socket, and all that an interface before left there, is known already.
    known = lambda stanza: os.path.exists(testbed.get_root_dir() + "/sys" + stanza.split("\n")[0][len("P: "):])
    testbed.add_from_string("\n\n".join(one for one in stanzas.strip().split("\n\n") if not known(one)) + "\n")
    return "/sys%s" % hid


def unplug(number):
    node = nodes.pop(number)
    terminal = node.terminal()
    node.is_gone = True
    root = testbed.get_root_dir()
    os.unlink(root + "/sys/class/hidraw/hidraw%d" % number)
    # Whoever waits for a feature report learns of it.
    node.answer = None
    node.answered.set()
    if node.hearing is not None:
        node.hearing.join()
        os.close(node.fd)
    testbed.uevent(node.sys + "/hidraw/hidraw%d" % number, "remove")
    testbed.detach_ioctl(node.path)
    # umockdev's own removal leaves things behind that a device on the same terminal trips over.
    os.unlink(entry_of(terminal))
    os.unlink(root + "/dev/hidraw%d" % number)


def obey(order):
    number = order.get("node", 0)
    if order["do"] == "plug":
        nodes[number] = Node(number, order)
        tell({"is": "plugged", "node": number})
    elif order["do"] == "unplug":
        unplug(number)
        tell({"is": "unplugged", "node": number})
    elif order["do"] == "input":
        nodes[number].say(bytes.fromhex(order["hex"]))
    elif order["do"] == "feature":
        nodes[number].answer = None if order["hex"] is None else bytes.fromhex(order["hex"])
        nodes[number].answered.set()


tell_lock = threading.Lock()
peer = None


def tell(what):
    with tell_lock:
        if peer is not None:
            peer.sendall((json.dumps(what) + "\n").encode())


def listen(server):
    global peer
    peer, _ = server.accept()
    for line in peer.makefile("r"):
        try:
            obey(json.loads(line))
        except Exception as error:  # The test must see it, whatever it is.
            tell({"is": "error", "message": "%s: %s" % (type(error).__name__, error)})


def main():
    # Also for a child that gives up its rights.
    os.chmod(testbed.get_root_dir(), 0o755)
    server = socket.socket(socket.AF_UNIX)
    server.bind(sys.argv[1])
    server.listen(1)
    threading.Thread(target=listen, args=(server,), daemon=True).start()
    loop = GLib.MainLoop()
    threading.Thread(target=loop.run, daemon=True).start()
    child = subprocess.Popen(sys.argv[2:])
    sys.exit(child.wait())


main()
