"Servers that misbehave: what can be waited for is waited for, the rest is told, and nothing half-written is ever used."
import hashlib, json, subprocess, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest
from mlp_foundations import data, fetch

from test_data import NAMES, PAGE, gz, idx, small_set

@pytest.fixture(scope='module')
def sources(): return small_set()

@pytest.fixture(scope='module')
def sums(sources): return {k: hashlib.sha256(raw).hexdigest() for k,raw in sources.items()}

class Server(ThreadingHTTPServer):
    "Serves `sources` on this machine only; `plan(name, i)` says how the i-th request (from 0) for `name` is answered"
    daemon_threads = True
    def __init__(self, sources):
        super().__init__(('127.0.0.1', 0), Answer)
        self.sources,self.plan,self.asked,self.headers_seen = sources,lambda name, i: 'ok',[],[]
        self.lock,self.end,self.barrier = threading.Lock(),threading.Event(),None
        self.url = f'http://127.0.0.1:{self.server_port}'
    def handle_error(self, *args): pass # the other side hung up

class Answer(BaseHTTPRequestHandler):
    def log_message(self, *args): pass

    def head(self, status, **headers):
        self.send_response(status)
        for k,v in headers.items(): self.send_header(k.replace('_', '-'), str(v))
        self.end_headers()

    def body(self, raw, **headers):
        self.head(200, Content_Length=len(raw), **headers)
        self.wfile.write(raw)

    def do_GET(self):
        s,name = self.server,self.path.split('/')[-1]
        with s.lock:
            i = s.asked.count(name)
            s.asked.append(name)
            s.headers_seen.append(dict(self.headers))
        raw,how = s.sources.get(name, b''),s.plan(name, i)
        half = len(raw)//2
        if isinstance(how, int):
            self.head(how, Content_Length=len(PAGE))
            self.wfile.write(PAGE)
        elif how=='ok': self.body(raw)
        elif how=='encoded': self.body(raw, Content_Encoding='gzip')
        elif how=='page': self.body(PAGE)
        elif how=='wrong': self.body(raw[:-1]+bytes([raw[-1]^1]))
        elif how=='cut': # promises all, sends half
            self.head(200, Content_Length=len(raw))
            self.wfile.write(raw[:half])
        elif how=='cut unseen': # HTTP/1.0 without a length: the end is where the line breaks
            self.head(200)
            self.wfile.write(raw[:half])
        elif how=='hang up': self.connection.close()
        elif how=='slow':
            self.head(200, Content_Length=len(raw))
            for k in range(0, len(raw), max(1, len(raw)//4)):
                self.wfile.write(raw[k:k+max(1, len(raw)//4)])
                s.end.wait(.03)
        elif how in ('stall', 'both'):
            self.head(200, Content_Length=len(raw))
            self.wfile.write(raw[:half])
            if how=='stall': s.end.wait(20)
            else:
                try: s.barrier.wait(20) # until the other process is here as well
                except threading.BrokenBarrierError: pass
                s.end.wait(.1)
                self.wfile.write(raw[half:])
        elif how=='moved': self.head(302, Location=f'{s.url}/elsewhere/{name}') if 'elsewhere' not in self.path else self.body(raw)
        elif how=='circle': self.head(302, Location=self.path)
        elif how=='to a file': self.head(302, Location=f'file://{s.local}')

@pytest.fixture
def server(sources, monkeypatch):
    for o in ('NO_PROXY', 'no_proxy'): monkeypatch.setenv(o, '127.0.0.1')
    s = Server(sources)
    threading.Thread(target=s.serve_forever, kwargs=dict(poll_interval=.02), daemon=True).start()
    yield s
    s.end.set()
    s.shutdown()
    s.server_close()
    assert len(s.asked)<=80, 'requests without end'

@pytest.fixture
def waits(monkeypatch): # the waits between two tries, noted instead of waited for
    found = []
    monkeypatch.setattr(fetch, 'time', SimpleNamespace(sleep=found.append))
    return found

def files_in(folder): return {str(o.relative_to(folder)): o.read_bytes() for o in folder.rglob('*') if o.is_file()} if folder.exists() else {}

def whole(folder, sources): # every file in `folder` is one of the four, and whole; nothing else lies there
    found = files_in(folder)
    assert all(sources.get(k)==raw for k,raw in found.items()), sorted(found)
    assert sorted(o.name for o in folder.iterdir())==sorted(found)
    return len(found)

def test_fetch(server, sums, sources, waits, tmp_path, capfd):
    upper = {k: v.upper() for k,v in sums.items()}
    folder = fetch.fetch_data(server.url+'/', upper, str(tmp_path/'a'/'b'))
    assert folder==tmp_path/'a'/'b' and whole(folder, sources)==4 and sorted(server.asked)==sorted(NAMES) and waits==[]
    assert [tuple(o.shape) for o in (*data.get_data(folder), *data.get_test(folder))]==[(6, 4), (6,), (10_000, 4), (10_000,), (4, 256*256), (4,)]
    assert fetch.fetch_data(server.url, sums, folder)==fetch.fetch_data(server.url, upper, folder)==folder and len(server.asked)==4 # nothing is fetched twice
    assert capfd.readouterr()==('', '')
    assert all(o['Accept-Encoding']=='identity' for o in server.headers_seen)

def test_progress_is_shown_when_asked_for(server, sums, tmp_path, capfd):
    fetch.fetch_data(server.url, sums, tmp_path, progress=True)
    assert '100%' in capfd.readouterr().err

def test_the_cache_is_for_these_fingerprints(server, sums, sources, tmp_path, monkeypatch):
    import pooch
    monkeypatch.setattr(pooch, 'os_cache', lambda name: tmp_path/name)
    pooch.get_logger().setLevel('INFO')
    a = fetch.fetch_data(server.url, sums)
    assert whole(a, sources)==4 and a.parent==tmp_path/'mlp_foundations' and len(a.name)==16 and fetch.fetch_data(server.url, sums)==a
    with pytest.raises(ValueError): fetch.fetch_data(server.url, {**sums, NAMES[3]: '0'*64}, tries=1)
    assert whole(a, sources)==4 and len(list(a.parent.iterdir()))==2 and pooch.get_logger().level==20

GET_THROUGH = {
    '503 twice':           (['503', '503'], [1, 2]),
    '429, then 500':       (['429', '500'], [1, 2]),
    '408':                 (['408'], [1]),
    'cut off':             (['cut'], [1]),
    'cut off, not told':   (['cut unseen'], [1]),
    'hung up three times': (['hang up']*3, [1, 2, 4]),
    'a page at first':     (['page'], [1]),
    'wrong bytes at first':(['wrong'], [1]),
    'a stall':             (['stall'], [1]),
    'slow':                (['slow'], []),
    'redirected':          (['moved']*2, []),
    'called encoded':      (['encoded'], []),
}

@pytest.mark.parametrize('what', GET_THROUGH)
def test_what_passes_is_waited_for(what, server, sums, sources, waits, tmp_path):
    answers,pauses = GET_THROUGH[what]
    answers = [int(o) if o.isdigit() else o for o in answers]
    server.plan = lambda name, i: answers[i] if name==NAMES[0] and i<len(answers) else 'ok'
    start = time.monotonic()
    fetch.fetch_data(server.url, sums, tmp_path, timeout=.4)
    assert whole(tmp_path, sources)==4 and waits==pauses and time.monotonic()-start<7
    assert server.asked.count(NAMES[0])==1+(1 if what=='redirected' else len(pauses)) and len(data.get_data(tmp_path)[0])==6

STAYS = { # answer: error, what it says, requests for the file
    404: (ConnectionError, '404', 1), 403: (ConnectionError, '403', 1), 410: (ConnectionError, '410', 1), 503: (ConnectionError, '503', 4),
    'cut': (ConnectionError, 'IncompleteRead', 4), 'cut unseen': (ValueError, 'does not match', 4), 'hang up': (ConnectionError, 'in 4 of 4 tries', 4),
    'wrong': (ValueError, 'does not match', 4), 'page': (ValueError, 'does not match', 4), 'stall': (ConnectionError, 'timed out', 4),
    'circle': (ConnectionError, 'redirects', 31), 'to a file': (ConnectionError, 'file://', 4)}

@pytest.mark.parametrize('how', STAYS)
def test_what_does_not_pass_leaves_nothing(how, server, sums, sources, waits, tmp_path):
    kind,said,requests = STAYS[how]
    server.local = tmp_path.parent/f'{tmp_path.name}-local'
    server.local.write_bytes(sources[NAMES[2]]) # the right bytes, but not from there
    server.plan = lambda name, i: how if name==NAMES[2] else 'ok'
    start = time.monotonic()
    with pytest.raises(kind) as e: fetch.fetch_data(server.url, sums, tmp_path, timeout=.2)
    assert time.monotonic()-start<7 # whatever the server does, it doesn't hold us
    for o in (f'{server.url}/{NAMES[2]}', sums[NAMES[2]], said, 'expected:', 'found:', 'to do:'): assert o in str(e.value)
    assert server.asked.count(NAMES[2])==requests and waits==([1, 2, 4] if requests==4 else [])
    assert whole(tmp_path, sources)==2 and not (tmp_path/NAMES[2]).exists() # those before it are whole and stay
    with pytest.raises(FileNotFoundError): data.get_test(tmp_path)
    server.plan,before = lambda name, i: 'ok',len(server.asked)
    fetch.fetch_data(server.url, sums, tmp_path) # the same line again: only what is missing
    assert whole(tmp_path, sources)==4 and server.asked[before:]==NAMES[2:]

def test_nobody_there(sums, waits, tmp_path, sources):
    s = Server(sources)
    s.server_close() # a port that nobody listens on
    with pytest.raises(ConnectionError, match='in 2 of 2 tries'): fetch.fetch_data(s.url, sums, tmp_path, tries=2)
    assert waits==[1] and whole(tmp_path, sources)==0

@pytest.mark.parametrize('there', [b'notes of mine', b'', 'half'])
def test_another_file_of_that_name_is_not_overwritten(there, server, sums, sources, tmp_path):
    there = sources[NAMES[0]][:99] if there=='half' else there
    (tmp_path/NAMES[0]).write_bytes(there)
    with pytest.raises(ValueError) as e: fetch.fetch_data(server.url, sums, tmp_path)
    assert str(tmp_path/NAMES[0]) in str(e.value) and 'move it away' in str(e.value)
    assert files_in(tmp_path)=={NAMES[0]: there} and server.asked==[]

BAD = {'no files': {}, 'a path': {'../evil': '0'*64}, 'a folder': {'a/b': '0'*64}, 'the folder above': {'..': '0'*64}, 'hidden': {'.evil': '0'*64}, 'no name': {'': '0'*64},
       'None': {NAMES[3]: None}, 'an empty text': {NAMES[3]: ''}, 'MD5': {NAMES[3]: 'md5:'+'0'*60}, '63 digits': {NAMES[3]: '0'*63}}
@pytest.mark.parametrize('what', BAD)
def test_a_fingerprint_for_each_file(what, server, sums, tmp_path):
    "A file that is fetched unchecked, or written outside of the folder"
    bad = BAD[what]
    with pytest.raises(ValueError) as e: fetch.fetch_data(server.url, {**sums, **bad} if bad else bad, tmp_path/'new')
    for k in bad: assert repr(k) in str(e.value).split('look at ')[1]
    assert server.asked==[] and not (tmp_path/'new').exists()

def test_other_files_than_mnists(server, tmp_path):
    "Any names: QMNIST's and EMNIST's are not those of MNIST"
    server.sources = {'qmnist-test-images-idx3-ubyte.gz': gz(idx(2, 2, 2)), 'qmnist-test-labels-idx2-int.gz': gz(idx(2, 8, kind=12, values=bytes(64)))}
    x,y = data.get_test(fetch.fetch_data(server.url, {k: hashlib.sha256(raw).hexdigest() for k,raw in server.sources.items()}, tmp_path))
    assert x.shape==(2, 4) and y.tolist()==[0, 0]

def test_the_home_folder(server, sums, sources, tmp_path, monkeypatch):
    "A folder that is called ~"
    for o in ('HOME', 'USERPROFILE'): monkeypatch.setenv(o, str(tmp_path))
    assert fetch.fetch_data(server.url, sums, '~/sets')==tmp_path/'sets' and whole(tmp_path/'sets', sources)==4

@pytest.mark.parametrize('url', ['file:///etc', '/etc', 'ftp://127.0.0.1', ''])
def test_only_http(url, sums, tmp_path):
    with pytest.raises(ValueError, match='https://'): fetch.fetch_data(url, sums, tmp_path/'new')
    assert not (tmp_path/'new').exists()

def test_at_least_one_try(server, sums, tmp_path):
    with pytest.raises(ValueError, match='one try, not 0'): fetch.fetch_data(server.url, sums, tmp_path/'new', tries=0)

def test_without_pooch(sums, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'pooch', None)
    with pytest.raises(ImportError, match='pip install pooch'): fetch.fetch_data('http://127.0.0.1', sums, tmp_path)

def fetching(server, sums, folder): # another process that fetches
    code = '''import json, sys
from mlp_foundations.fetch import fetch_data
fetch_data(sys.argv[1], json.loads(sys.argv[2]), sys.argv[3], tries=1, timeout=20)'''
    return subprocess.Popen([sys.executable, '-c', code, server.url, json.dumps(sums), str(folder)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

def test_two_processes_at_once_and_a_third_that_is_killed(server, sums, sources, tmp_path):
    server.barrier = threading.Barrier(2)
    server.plan = lambda name, i: 'both' if name==NAMES[0] else 'slow'
    other = Server(sources) # it never comes to the end of the third file
    other.plan = lambda name, i: 'stall' if name==NAMES[2] else 'ok'
    threading.Thread(target=other.serve_forever, kwargs=dict(poll_interval=.02), daemon=True).start()
    both,third = [fetching(server, sums, tmp_path/'two') for _ in range(2)],fetching(other, sums, tmp_path/'third')
    try:
        seen,bad,cut = set(),[],None
        for _ in range(4000): # at any moment: what has its final name is whole
            for path in [*(tmp_path/'two').glob('*.gz'), *(tmp_path/'third').glob('*.gz')]:
                seen.add(path.name)
                if path.read_bytes()!=sources[path.name]: bad.append(path)
            parts = [o for o in (tmp_path/'third').glob('.fetch-*/*') if NAMES[2] in other.asked]
            if cut is None and parts and (cut := parts[0].stat().st_size or None): # in the middle of a file
                third.kill()
                third.wait(20)
            if cut and all(o.poll() is not None for o in both): break
            server.end.wait(.005)
        said = [o.communicate(timeout=20)[0] for o in both]
        assert [(o.returncode, text) for o,text in zip(both, said)]==[(0, '')]*2
        assert bad==[] and seen==set(NAMES) and server.asked.count(NAMES[0])==2 and not server.barrier.broken and whole(tmp_path/'two', sources)==4
        assert third.returncode and 0<cut<len(sources[NAMES[2]])
    finally:
        for o in (*both, third):
            if o.poll() is None: o.kill()
            o.communicate()
        other.end.set()
        other.shutdown()
        other.server_close()
    assert sorted(o.name for o in (tmp_path/'third').glob('*.gz'))==sorted(NAMES[:2])
    with pytest.raises(FileNotFoundError): data.get_test(tmp_path/'third')
    server.plan = lambda name, i: 'ok' # the same line again
    assert len(data.get_test(fetch.fetch_data(server.url, sums, tmp_path/'third'))[0])==4
