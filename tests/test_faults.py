"Files that can't be trusted and servers that misbehave: an error that names what is wrong, in little memory, and nothing half-written is ever used."
import ast, gzip, hashlib, io, json, os, pickle, random, subprocess, sys, threading, time, tracemalloc, zipfile, zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
from mlp_foundations import data

MB = 2**20
NAMES = [f'{part}-{o}-ubyte.gz' for part in ('train', 't10k') for o in ('images-idx3', 'labels-idx1')]

def idx(*dims, values=None, kind=8): # an IDX file
    size = 1
    for d in dims: size *= d
    head = bytes([0, 0, kind, len(dims)]) + b''.join(d.to_bytes(4, 'big') for d in dims)
    return head + (bytes(i%10 for i in range(size)) if values is None else values)

def gz(raw): return gzip.compress(raw, mtime=0)

def zeros_gz(head, size): # a gzip file that unpacks to `head` and `size` zeros, made without holding them
    z,zero = zlib.compressobj(1, wbits=31),bytes(MB)
    return b''.join([z.compress(head), *(z.compress(zero) for _ in range(size//MB)), z.compress(bytes(size%MB)), z.flush()])

PAGE = b'<!DOCTYPE html><title>404 Not Found</title><p>This file has moved.</p>'
GOOD = idx(2, 3)

def peak(f): # the most memory that `f` held, in bytes; the error it raised
    tracemalloc.start()
    try:
        try: f()
        except Exception as e: return tracemalloc.get_traced_memory()[1],e
        return tracemalloc.get_traced_memory()[1],None
    finally: tracemalloc.stop()

class Marker: # a pickle that leaves a file behind when it is loaded
    def __init__(self, path): self.path = str(path)
    def __reduce__(self): return open, (self.path, 'w')

# ---------------------------------------------------------------- one file

def zipped():
    f = io.BytesIO()
    with zipfile.ZipFile(f, 'w') as z: z.writestr('train-images-idx3-ubyte', GOOD)
    return f.getvalue()

FAULTS = {
    'empty':                       (b'', 'an empty file'),
    'html page':                   (PAGE, '<!DO'),
    'html page, gzipped':          (gz(PAGE), '<!DO'),
    'wrong magic':                 (b'\0\1' + GOOD[2:], '00 01 08 02'),
    'floats':                      (idx(2, 3, kind=13), '00 00 0d 02'),
    'no dimensions':               (b'\0\0\x08\0', '00 00 08 00'),
    'three bytes':                 (GOOD[:3], '00 00 08 and the number of dimensions'),
    'magic only':                  (GOOD[:4], 'a header of 12 bytes'),
    'cut in the header':           (GOOD[:11], 'a header of 12 bytes'),
    'cut in the values':           (GOOD[:-1], '5 values, and then the end'),
    'cut in the values, gzipped':  (gz(GOOD[:-1]), '5 values, and then the end'),
    'half a gzip file':            (gz(GOOD)[:-9], 'a whole gzip file'),
    'gzip without its checksum':   (gz(GOOD)[:-8], 'a whole gzip file'),
    'another checksum':            (gz(GOOD)[:-8] + b'\0'*4 + gz(GOOD)[-4:], 'a whole gzip file'),
    'bytes after the values':      (GOOD + b'\0', 'more bytes after them'),
    'one byte after a million':    (idx(MB+5, values=bytes(MB+6)), 'more bytes after them'),
    'a million after a million':   (gz(idx(MB+5, values=bytes(3*MB))), 'more bytes after them'),
    'bytes after them, gzipped':   (gz(GOOD + b'\0'), 'more bytes after them'),
    'bytes after the gzip':        (gz(GOOD) + b'more', 'a whole gzip file'),
    'two files in one':            (gz(GOOD)*2, 'more bytes after them'),
    'dims promise more':           (idx(2**10, 2**10, 2**10, values=b'abc'), '3 values, and then the end'),
    'dims promise more, gzipped':  (gz(idx(2**10, 2**10, 2**10, values=b'abc')), '3 values, and then the end'),
    'dims beyond any memory':      (idx(2**32-1, 2**32-1, 2**32-1, values=b'abc'), 'at most 1,073,741,824 values'),
    'the same, one of them 0':     (idx(0, 2**32-1, 2**32-1, values=b''), 'at most 1,073,741,824 values'),
    'dims beyond the limit, by 1': (idx(2**30+1, values=b'abc'), 'at most 1,073,741,824 values'),
    'a bomb behind a small file':  (zeros_gz(GOOD, 40*MB), 'more bytes after them'),
    'a bomb that says so':         (zeros_gz(idx(2**31, values=b''), 40*MB), 'at most 1,073,741,824 values'),
    'a bomb of dimensions':        (zeros_gz(b'', 40*MB), '00 00 00 00'),
    'a gzip in a gzip':            (gz(gz(GOOD)), '1f 8b 08 00'),
    'a pickle':                    (pickle.dumps([1, 2, 3], protocol=4), '80 04 95'),
    'a pickle, gzipped':           (gz(pickle.dumps([1, 2, 3], protocol=4)), '80 04 95'),
    'a zip archive':               (zipped(), '50 4b 03 04'),
}

@pytest.mark.parametrize('what', FAULTS)
def test_read_idx_refuses(what, tmp_path):
    raw,said = FAULTS[what]
    path = tmp_path/'some-file.gz'
    path.write_bytes(raw)
    mem,e = peak(lambda: data.read_idx(path))
    assert type(e) is ValueError, repr(e)
    for o in (str(path), 'expected:', 'found:', 'to do:', said): assert o in str(e)
    assert mem<4*MB, f'{mem/MB:.1f} MB'

@pytest.mark.parametrize('what', ['html page', 'cut in the values', 'half a gzip file', 'bytes after the values', 'a bomb behind a small file', 'a pickle, gzipped'])
@pytest.mark.parametrize('name', NAMES)
def test_the_folder_with_such_a_file_is_refused(name, what, sources, tmp_path):
    for k,raw in sources.items(): (tmp_path/k).write_bytes(FAULTS[what][0] if k==name else raw)
    get,other = (data.get_data,data.get_test) if name.startswith('train') else (data.get_test,data.get_data)
    with pytest.raises(ValueError) as e: get(tmp_path)
    assert str(tmp_path/name) in str(e.value) and 'to do:' in str(e.value)
    other(tmp_path) # the other half of the folder is sound

def test_what_is_sound_is_read_in_little_more_than_its_size(tmp_path):
    for raw in (GOOD, gz(GOOD), gz(GOOD[:7])+gz(GOOD[7:])): # a gzip file may come in parts
        (tmp_path/'f').write_bytes(raw)
        assert data.read_idx(tmp_path/'f').tolist()==[[0, 1, 2], [3, 4, 5]]
    (tmp_path/'f').write_bytes(zeros_gz(idx(32, MB, values=b''), 32*MB))
    got = []
    mem,e = peak(lambda: got.append(data.read_idx(tmp_path/'f')))
    assert e is None and got[0].shape==(32, MB) and not got[0].any()
    assert mem<1.3*32*MB, f'{mem/MB:.1f} MB'

def test_limit(tmp_path):
    (tmp_path/'f').write_bytes(zeros_gz(idx(32, MB, values=b''), 32*MB))
    mem,e = peak(lambda: data.read_idx(tmp_path/'f', limit=32*MB-1))
    assert isinstance(e, ValueError) and 'at most 33,554,431 values' in str(e) and mem<MB
    (tmp_path/'f').write_bytes(GOOD)
    assert data.read_idx(tmp_path/'f', limit=6).shape==(2, 3)
    with pytest.raises(ValueError, match='at most 5 values'): data.read_idx(tmp_path/'f', limit=5)

@pytest.mark.parametrize('sha256', [None, '0'*64])
def test_a_large_file_is_never_held_whole(sha256, tmp_path):
    with open(tmp_path/'f', 'wb') as f:
        f.write(GOOD)
        f.truncate(64*MB)
    mem,e = peak(lambda: data.read_idx(tmp_path/'f', sha256=sha256))
    assert isinstance(e, ValueError) and ('more bytes' if sha256 is None else 'SHA-256') in str(e)
    assert mem<4*MB, f'{mem/MB:.1f} MB'

def test_the_fingerprint(tmp_path):
    path = tmp_path/'f'
    path.write_bytes(gz(GOOD))
    right = hashlib.sha256(gz(GOOD)).hexdigest()
    assert data.read_idx(path, right).shape==data.read_idx(path, right.upper()).shape==(2, 3)
    for wrong in ('', right[:-1], hashlib.sha256(GOOD).hexdigest()):
        with pytest.raises(ValueError) as e: data.read_idx(path, wrong)
        assert str(path) in str(e.value) and right in str(e.value)

def test_every_cut_and_every_flipped_bit(tmp_path):
    "Of a small gzip file: refused by `ValueError`, or read as what it was (the date in its header, say, may be another)"
    whole,path,same = gz(GOOD),tmp_path/'f',0
    for k in range(len(whole)):
        path.write_bytes(whole[:k])
        with pytest.raises(ValueError, match='to do'): data.read_idx(path)
    for bit in range(8*len(whole)):
        raw = bytearray(whole)
        raw[bit//8] ^= 1<<bit%8
        path.write_bytes(raw)
        try: x = data.read_idx(path)
        except ValueError as e: assert str(path) in str(e) and 'to do' in str(e)
        else:
            assert x.tolist()==[[0, 1, 2], [3, 4, 5]]
            same += 1
    assert same<8*10 # the header's ten bytes; of the content, every bit counts

def test_noise(tmp_path):
    rng,path = random.Random(0),tmp_path/'f'
    for i in range(200):
        path.write_bytes(rng.choice([b'', b'\x1f\x8b', b'\x1f\x8b\x08', b'\0\0\x08', gz(GOOD)[:12], idx(300, values=b'')])+rng.randbytes(rng.randrange(64)))
        with pytest.raises(ValueError, match='to do'): data.read_idx(path)

# ---------------------------------------------------------------- no file

@pytest.mark.parametrize('get', [data.read_idx, lambda p: data.get_data(p.parent), lambda p: data.get_test(p.parent)], ids=['read_idx', 'get_data', 'get_test'])
@pytest.mark.parametrize('fault, kind', [('missing', FileNotFoundError), ('directory', (IsADirectoryError, PermissionError)), ('forbidden', PermissionError), ('pipe', OSError)])
def test_what_cannot_be_opened(fault, kind, get, sources, tmp_path, monkeypatch):
    folder = tmp_path/'here'
    folder.mkdir()
    for k,raw in sources.items(): (folder/k).write_bytes(raw)
    name = NAMES[2] if getattr(get, '__code__', None) and 'get_test' in get.__code__.co_names else NAMES[0]
    path = folder/name
    if fault!='forbidden': path.unlink()
    if fault=='directory': path.mkdir()
    if fault=='pipe':
        if not hasattr(os, 'mkfifo'): pytest.skip('no named pipes here')
        os.mkfifo(path)
    if fault=='forbidden':
        if hasattr(os, 'geteuid') and os.geteuid(): path.chmod(0)
        else: # root may read anything: say no in the system's place
            def no(file, *args, **kwargs):
                if str(file)==str(path): raise PermissionError(13, 'Permission denied', str(file))
                return open(file, *args, **kwargs)
            monkeypatch.setattr(data, 'open', no, raising=False)
    with pytest.raises(kind) as e: get(path)
    assert str(path) in str(e.value) and 'to do:' in str(e.value)
    assert e.value.filename==str(path)

# ---------------------------------------------------------------- files that don't belong together

@pytest.mark.parametrize('images, labels, said', [
    (idx(6, 2, 2), idx(5), '(6, 2, 2), and (5,)'), (idx(5, 2, 2), idx(6), '(5, 2, 2), and (6,)'), (idx(6, 2, 2), idx(6, 1), '(6, 2, 2), and (6, 1)'),
    (idx(6), idx(6), '(6,), and (6,)'), (idx(6, 4), idx(6), '(6, 4), and (6,)'), (idx(6), idx(6, 2, 2), '(6,), and (6, 2, 2)'),
    (idx(0, 2, 2), idx(0), '(0, 2, 2), and (0,)'), (idx(6, 0, 2), idx(6), '(6, 0, 2), and (6,)'), (idx(1, 2, 2), idx(1, 1), '(1, 2, 2), and (1, 1)')])
@pytest.mark.parametrize('part, get', [('train', data.get_data), ('t10k', data.get_test)])
def test_images_and_labels_that_do_not_fit(part, get, images, labels, said, tmp_path):
    (tmp_path/f'{part}-images-idx3-ubyte.gz').write_bytes(gz(images))
    (tmp_path/f'{part}-labels-idx1-ubyte.gz').write_bytes(gz(labels))
    with pytest.raises(ValueError) as e: get(tmp_path)
    for o in (f'{part}-images-idx3-ubyte.gz', f'{part}-labels-idx1-ubyte.gz', str(tmp_path), said, 'to do:'): assert o in str(e.value)

def test_too_few_rows(sources, tmp_path):
    for k,raw in sources.items(): (tmp_path/k).write_bytes(raw)
    for n in (1, 10_000):
        (tmp_path/NAMES[0]).write_bytes(gz(idx(n, 1, 1)))
        (tmp_path/NAMES[1]).write_bytes(gz(idx(n)))
        with pytest.raises(ValueError, match=f'{n:,} training rows: 10,000 are kept'): data.get_data(str(tmp_path))
    (tmp_path/NAMES[0]).write_bytes(gz(idx(10_001, 1, 1)))
    (tmp_path/NAMES[1]).write_bytes(gz(idx(10_001)))
    assert len(data.get_data(tmp_path)[0])==1

# ---------------------------------------------------------------- no pickle

def loads_code(source): # what in a Python source could run what was read
    bad = {'pickle', '_pickle', 'cPickle', 'cloudpickle', 'dill', 'joblib', 'shelve', 'marshal', 'jsonpickle'}
    for o in ast.walk(ast.parse(source)):
        names = [a.name for a in o.names] if isinstance(o, (ast.Import, ast.ImportFrom)) else []
        if isinstance(o, ast.ImportFrom): names.append(o.module or '')
        yield from (n for n in names if n.split('.')[0] in bad)
        if isinstance(o, ast.ImportFrom) and (o.module or '').split('.')[0] in ('torch', 'numpy'): yield from (n for n in names if n=='load')
        if isinstance(o, ast.Attribute) and ast.unparse(o) in ('torch.load', 'np.load', 'numpy.load', 'pd.read_pickle', 'pandas.read_pickle', 'torch.hub'): yield ast.unparse(o)
        if isinstance(o, ast.keyword) and o.arg in ('allow_pickle', 'weights_only'): yield o.arg
        if isinstance(o, ast.Call) and isinstance(o.func, ast.Name) and o.func.id in ('eval', 'exec', 'compile', '__import__'): yield o.func.id

@pytest.mark.parametrize('line', ['import pickle', 'import os, pickle as p', 'from pickle import loads', 'import joblib.numpy_pickle', 'from torch import load', 'x = torch.load(f)',
    'load = np.load', 'x = np.load(f, allow_pickle=True)', 'def f():\n    import marshal', 'eval(f.read())', 'exec(page)', '__import__(name)', 'x = numpy.load(f)'])
def test_the_search_for_pickles_finds(line): assert list(loads_code(line))

def test_no_module_can_load_a_pickle():
    modules = sorted(Path(data.__file__).parent.rglob('*.py'))
    assert len(modules)>=8
    assert {o.name: found for o in modules if (found := list(loads_code(o.read_text(encoding='utf-8'))))}=={}

@pytest.mark.parametrize('pack', [bytes, gz], ids=['plain', 'gzipped'])
@pytest.mark.parametrize('protocol', range(pickle.HIGHEST_PROTOCOL+1))
def test_a_pickle_is_refused_and_never_run(protocol, pack, sources, tmp_path):
    evil,mark = pickle.dumps(Marker(tmp_path/'mark'), protocol=protocol),tmp_path/'mark'
    for k,raw in sources.items(): (tmp_path/k).write_bytes(raw)
    (tmp_path/NAMES[0]).write_bytes(pack(evil))
    for f in (lambda: data.get_data(tmp_path), lambda: data.read_idx(tmp_path/NAMES[0])):
        with pytest.raises(ValueError, match=NAMES[0]): f()
    assert not mark.exists()
    pickle.loads(evil).close()
    assert mark.exists() # loading it would have shown

# ---------------------------------------------------------------- fetching

@pytest.fixture(scope='module')
def sources(): # the four files of a small data set
    return {k: gz(idx(*dims)) for k,dims in zip(NAMES, [(10_006, 2, 2), (10_006,), (4, 2, 2), (4,)])} | {NAMES[2]: gz(idx(4, 256, 256, values=random.Random(0).randbytes(4*256*256)))}

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
    monkeypatch.setattr(data, 'time', SimpleNamespace(sleep=found.append))
    return found

def files_in(folder): return {str(o.relative_to(folder)): o.read_bytes() for o in folder.rglob('*') if o.is_file()} if folder.exists() else {}

def whole(folder, sources): # every file in `folder` is one of the four, and whole; nothing else lies there
    found = files_in(folder)
    assert all(sources.get(k)==raw for k,raw in found.items()), sorted(found)
    assert sorted(o.name for o in folder.iterdir())==sorted(found)
    return len(found)

def test_fetch(server, sums, sources, waits, tmp_path, capfd):
    folder = data.fetch_data(server.url+'/', {k: v.upper() for k,v in sums.items()}, str(tmp_path/'a'/'b'))
    assert folder==tmp_path/'a'/'b' and whole(folder, sources)==4 and sorted(server.asked)==sorted(NAMES) and waits==[]
    assert [tuple(o.shape) for o in (*data.get_data(folder), *data.get_test(folder))]==[(6, 4), (6,), (10_000, 4), (10_000,), (4, 256*256), (4,)]
    assert data.fetch_data(server.url, sums, folder)==folder and len(server.asked)==4 # nothing is fetched twice
    assert capfd.readouterr()==('', '')
    assert all(o['Accept-Encoding']=='identity' for o in server.headers_seen)

def test_progress_is_shown_when_asked_for(server, sums, tmp_path, capfd):
    data.fetch_data(server.url, sums, tmp_path, progress=True)
    assert '100%' in capfd.readouterr().err

def test_the_cache_is_for_these_fingerprints(server, sums, sources, tmp_path, monkeypatch):
    import pooch
    monkeypatch.setattr(pooch, 'os_cache', lambda name: tmp_path/name)
    level = pooch.get_logger().level
    a = data.fetch_data(server.url, sums)
    assert whole(a, sources)==4 and a.parent==tmp_path/'mlp_foundations' and len(a.name)==16 and data.fetch_data(server.url, sums)==a
    with pytest.raises(ValueError): data.fetch_data(server.url, {**sums, NAMES[3]: '0'*64}, tries=1)
    assert whole(a, sources)==4 and len(list(a.parent.iterdir()))==2 and pooch.get_logger().level==level

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
    data.fetch_data(server.url, sums, tmp_path, timeout=.4)
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
    with pytest.raises(kind) as e: data.fetch_data(server.url, sums, tmp_path, timeout=.2)
    assert time.monotonic()-start<7 # whatever the server does, it doesn't hold us
    for o in (f'{server.url}/{NAMES[2]}', sums[NAMES[2]], said, 'expected:', 'found:', 'to do:'): assert o in str(e.value)
    assert server.asked.count(NAMES[2])==requests and waits==([1, 2, 4] if requests==4 else [])
    assert whole(tmp_path, sources)==2 and not (tmp_path/NAMES[2]).exists() # those before it are whole and stay
    with pytest.raises(FileNotFoundError): data.get_test(tmp_path)
    server.plan,before = lambda name, i: 'ok',len(server.asked)
    data.fetch_data(server.url, sums, tmp_path) # the same line again: only what is missing
    assert whole(tmp_path, sources)==4 and server.asked[before:]==NAMES[2:]

def test_nobody_there(sums, waits, tmp_path, sources):
    s = Server(sources)
    s.server_close() # a port that nobody listens on
    with pytest.raises(ConnectionError, match='in 2 of 2 tries'): data.fetch_data(s.url, sums, tmp_path, tries=2)
    assert waits==[1] and whole(tmp_path, sources)==0

@pytest.mark.parametrize('there', [b'notes of mine', b'', 'half'])
def test_another_file_of_that_name_is_not_overwritten(there, server, sums, sources, tmp_path):
    there = sources[NAMES[0]][:99] if there=='half' else there
    (tmp_path/NAMES[0]).write_bytes(there)
    with pytest.raises(ValueError) as e: data.fetch_data(server.url, sums, tmp_path)
    assert str(tmp_path/NAMES[0]) in str(e.value) and 'move it away' in str(e.value)
    assert files_in(tmp_path)=={NAMES[0]: there} and server.asked==[]

@pytest.mark.parametrize('change, said', [(lambda s: s.pop(NAMES[1]), NAMES[1]), (lambda s: s.update({'../evil': '0'*64}), '../evil'), (lambda s: s.update({NAMES[3]: None}), NAMES[3]),
    (lambda s: s.update({NAMES[3]: ''}), NAMES[3]), (lambda s: s.update({NAMES[3]: 'md5:'+'0'*60}), NAMES[3]), (lambda s: s.update({NAMES[3]: '0'*63}), NAMES[3]), (lambda s: s.clear(), NAMES[0])])
def test_a_fingerprint_for_each_file(change, said, server, sums, tmp_path):
    sums = dict(sums)
    change(sums)
    with pytest.raises(ValueError) as e: data.fetch_data(server.url, sums, tmp_path/'new')
    assert said in str(e.value).split('look at ')[1] and server.asked==[] and not (tmp_path/'new').exists()

@pytest.mark.parametrize('url', ['file:///etc', '/etc', 'ftp://127.0.0.1', ''])
def test_only_http(url, sums, tmp_path):
    with pytest.raises(ValueError, match='https://'): data.fetch_data(url, sums, tmp_path/'new')
    assert not (tmp_path/'new').exists()

def test_at_least_one_try(server, sums, tmp_path):
    with pytest.raises(ValueError, match='one try, not 0'): data.fetch_data(server.url, sums, tmp_path/'new', tries=0)

def test_without_pooch(sums, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'pooch', None)
    with pytest.raises(ImportError, match='pip install pooch'): data.fetch_data('http://127.0.0.1', sums, tmp_path)

def fetching(server, sums, folder): # another process that fetches, without torch, which takes seconds to import and isn't needed for it
    code = '''import json, sys
from types import SimpleNamespace
sys.modules['torch'] = SimpleNamespace(tensor=None, Tensor=None)
from mlp_foundations.data import fetch_data
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
    assert len(data.get_test(data.fetch_data(server.url, sums, tmp_path/'third'))[0])==4
