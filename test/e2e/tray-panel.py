#!/usr/bin/python3
"""A panel for tests: the StatusNotifierWatcher that tray icons register with, and a way to ask them things over the session bus.

Writes one JSON object a line: {"item": "<bus name><path>"} for each icon that registers, {"signal": ...} for what it says,
{"id": n, "value": ...} or {"id": n, "error": ...} as the answer to a line {"id", "to", "path", "interface", "method", "signature", "args"}.
"""
import base64
import json
import sys

from gi.repository import Gio, GLib

WATCHER = 'org.kde.StatusNotifierWatcher'
XML = f'''<node><interface name="{WATCHER}">
  <method name="RegisterStatusNotifierItem"><arg type="s" direction="in"/></method>
  <method name="RegisterStatusNotifierHost"><arg type="s" direction="in"/></method>
  <property name="RegisteredStatusNotifierItems" type="as" access="read"/>
  <property name="IsStatusNotifierHostRegistered" type="b" access="read"/>
  <property name="ProtocolVersion" type="i" access="read"/>
  <signal name="StatusNotifierItemRegistered"><arg type="s"/></signal>
</interface></node>'''
items = []
loop = GLib.MainLoop()
bus = Gio.bus_get_sync(Gio.BusType.SESSION)


def say(what):
    print(json.dumps(what, default=lambda raw: base64.b64encode(bytes(raw)).decode()), flush=True)


def call(connection, sender, path, interface, method, arguments, invocation):
    if method == 'RegisterStatusNotifierItem':
        (name,) = arguments.unpack()
        item = (sender + name) if name.startswith('/') else name + '/StatusNotifierItem'
        items.append(item)
        say({'item': item})
        bus.emit_signal(None, '/StatusNotifierWatcher', WATCHER, 'StatusNotifierItemRegistered', GLib.Variant('(s)', (item,)))
    invocation.return_value(None)


def read(connection, sender, path, interface, name):
    return {'RegisteredStatusNotifierItems': GLib.Variant('as', items), 'IsStatusNotifierHostRegistered': GLib.Variant('b', '--no-host' not in sys.argv), 'ProtocolVersion': GLib.Variant('i', 0)}[name]


def plain(value):
    """Byte strings come as lists of numbers: as base64 they are short."""
    if isinstance(value, (list, tuple)):
        if len(value) > 16 and all(isinstance(one, int) for one in value):
            return bytes(value)
        return [plain(one) for one in value]
    return {key: plain(one) for key, one in value.items()} if isinstance(value, dict) else value


def answer(source, _condition):
    line = sys.stdin.readline()
    if line == '':
        loop.quit()
        return False
    ask = json.loads(line)
    # A variant inside is named by its value alone.
    ask['args'] = [GLib.Variant('i', one) if kind == 'v' else one for kind, one in zip(ask['signature'].strip('()'), ask['args'])] if 'v' in ask['signature'] else ask['args']
    try:
        arguments = None if ask['signature'] == '()' else GLib.Variant(ask['signature'], tuple(ask['args']))
        result = bus.call_sync(ask['to'], ask['path'], ask['interface'], ask['method'], arguments, None, Gio.DBusCallFlags.NONE, 10_000, None)
        say({'id': ask['id'], 'value': plain(result.unpack())})
    except GLib.Error as error:
        say({'id': ask['id'], 'error': error.message})
    return True


node = Gio.DBusNodeInfo.new_for_xml(XML)
bus.register_object('/StatusNotifierWatcher', node.interfaces[0], call, read, None)
bus.signal_subscribe(None, 'org.kde.StatusNotifierItem', None, None, None, Gio.DBusSignalFlags.NONE, lambda _bus, _sender, _path, _interface, name, _arguments: say({'signal': name}))
# The bus may still hold the name for a panel that has just ended.
giving_up = GLib.timeout_add_seconds(20, lambda: sys.exit('another panel is there'))
Gio.bus_own_name_on_connection(bus, WATCHER, Gio.BusNameOwnerFlags.NONE, lambda *_: (GLib.source_remove(giving_up), say({'ready': True})), None)
GLib.io_add_watch(sys.stdin, GLib.IO_IN | GLib.IO_HUP, answer)
loop.run()
