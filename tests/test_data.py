"Files: what is sound is read as it is, in every form that people have it; what is not is refused by an error that names it, in little memory. And the two comparisons, and the scale."
import ast, functools, gzip, hashlib, io, math, os, pickle, random, shutil, struct, tracemalloc, zipfile, zlib
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch
from mlp_foundations import data
from mlp_foundations.data import normalize, test_near as near, test_near_zero as near_zero

mnist = Path(str(files('mlp_foundations')/'mnist'))
MB = 2**20
NAMES = [f'{part}-{o}-ubyte.gz' for part in ('train', 't10k') for o in ('images-idx3', 'labels-idx1')]
inf,nan = math.inf,math.nan

def idx(*dims, values=None, kind=8):
    "An IDX file"
    head = struct.pack(f'>4B{len(dims)}I', 0, 0, kind, len(dims), *dims)
    return head + (bytes(i%10 for i in range(math.prod(dims))) if values is None else values)

def gz(raw): return gzip.compress(raw, mtime=0)

@functools.cache
def small_set():
    "The four files of a small data set"
    return {k: gz(idx(*dims)) for k,dims in zip(NAMES, [(10_006, 2, 2), (10_006,), (4, 2, 2), (4,)])} | {NAMES[2]: gz(idx(4, 256, 256, values=random.Random(0).randbytes(4*256*256)))}

def write(folder, files):
    folder.mkdir(exist_ok=True)
    for k,raw in files.items(): (folder/k).write_bytes(raw)
    return folder

def refused(f, *said, kind=ValueError):
    "`f()` raises `kind`, and its text names everything in `said`"
    with pytest.raises(kind) as e: f()
    for o in said: assert str(o) in str(e.value), str(e.value)

# --- the digits inside the package

def test_the_lessons_tensors():
    x_train,y_train,x_valid,y_valid = data.get_data()
    assert (x_train.shape, y_train.shape, x_valid.shape, y_valid.shape)==((50_000,784), (50_000,), (10_000,784), (10_000,))
    assert x_train.dtype==x_valid.dtype==torch.float32 and y_train.dtype==y_valid.dtype==torch.int64
    assert abs(x_train.mean()-0.1304)<5e-5 and abs(x_train.std()-0.3073)<5e-5
    assert x_train.min()==0 and x_train.max()==255/256
    assert y_train[:10].tolist()==[5,0,4,1,9,2,1,3,1,4]
    x_test,y_test = data.get_test()
    assert x_test.shape==(10_000,784) and y_test[:10].tolist()==[7,2,1,0,4,1,4,9,5,9]

def test_every_value_is_the_original():
    "MD5 of the values of the original files, header and all"
    for name,md5 in (('train-images-idx3', '6bbc9ace898e44ae57da46a324031adb'), ('train-labels-idx1', 'a25bea736e30d166cdddb491f175f624'),
                     ('t10k-images-idx3', '2646ac647ad5339dbf082846283269ea'), ('t10k-labels-idx1', '27ae3e4e09519cfbb04c329615203637')):
        x = data.read_idx(mnist/f'{name}-ubyte.gz')
        head = bytes([0, 0, 8, x.ndim]) + b''.join(d.to_bytes(4, 'big') for d in x.shape)
        assert hashlib.md5(head+x.numpy().tobytes()).hexdigest()==md5

@pytest.mark.parametrize('name', NAMES)
def test_a_damaged_file_is_named(name, tmp_path, monkeypatch):
    "A bit of the package's own file that changed: told by its SHA-256"
    shutil.copytree(mnist, tmp_path/'mnist')
    raw = bytearray((tmp_path/'mnist'/name).read_bytes())
    raw[len(raw)//2] ^= 1
    (tmp_path/'mnist'/name).write_bytes(raw)
    monkeypatch.setattr(data, 'files', lambda _: tmp_path)
    refused(data.get_data if name.startswith('train') else data.get_test, tmp_path/'mnist'/name, hashlib.sha256(raw).hexdigest(),
            hashlib.sha256((mnist/name).read_bytes()).hexdigest(), 'install mlp_foundations again')

# --- what is sound is read

@pytest.mark.parametrize('pack', [bytes, gz], ids=['plain', 'gzipped'])
@pytest.mark.parametrize('code, kind', [(8, 'u1'), (9, 'i1'), (11, 'i2'), (12, 'i4'), (13, 'f4'), (14, 'f8')])
def test_every_type(code, kind, pack, tmp_path):
    "A type missing, its sign or width mistaken, its bytes in the wrong order"
    want = np.array([[0, 1, 100], [127, -128, 3]]).astype(kind)
    if kind!='u1' and kind!='i1': want = want*np.array(251, dtype=kind)
    if kind[0]=='f': want = want+np.array(1/3, dtype=kind)
    (tmp_path/'values').write_bytes(pack(idx(2, 3, kind=code, values=want.astype('>'+kind).tobytes())))
    got = data.read_idx(tmp_path/'values')
    assert got.numpy().dtype==np.dtype(kind) and got.tolist()==want.tolist()
    got += 1 # it may be written to

@pytest.mark.parametrize('code', [0, 7, 10, 15, 255])
def test_types_that_do_not_exist(code, tmp_path):
    (tmp_path/'f').write_bytes(idx(2, 3, kind=code))
    refused(lambda: data.read_idx(tmp_path/'f'), 'an IDX file', f'00 00 {code:02x} 02')

def test_a_path_in_every_form(tmp_path, monkeypatch):
    "A form that is taken for something else; an open file that is closed, or read from its beginning"
    for o in ('HOME', 'USERPROFILE'): monkeypatch.setenv(o, str(tmp_path))
    want,path = [[0, 1, 2], [3, 4, 5]],tmp_path/'values.txt' # whatever the name
    path.write_bytes(gz(idx(2, 3)))
    for o in (path, str(path), os.fsencode(path), '~/values.txt', Path('~/values.txt'), io.BytesIO(idx(2, 3)), io.BytesIO(gz(idx(2, 3)))): assert data.read_idx(o).tolist()==want
    with open(path, 'rb') as f:
        assert data.read_idx(f).tolist()==want and not f.closed
    with gzip.open(path) as f: assert data.read_idx(f).tolist()==want
    later = io.BytesIO(b'before'+idx(2, 3))
    later.seek(6)
    assert data.read_idx(later).tolist()==want
    with open(path, 'rb') as f: refused(lambda: data.read_idx(f, '0'*64), path)
    refused(lambda: data.read_idx(io.BytesIO(b'')), 'the open file', 'an empty file')

def test_text_is_no_file_of_bytes(tmp_path):
    (tmp_path/'f').write_text('text')
    with open(tmp_path/'f') as f, pytest.raises(TypeError): data.read_idx(f)

@pytest.mark.parametrize('f', [data.read_idx, data.get_data, data.get_test])
def test_an_address_is_no_path(f):
    for url in ('https://example.org/mnist/train-images-idx3-ubyte.gz', 'http://127.0.0.1', Path('https://example.org'), b'ftp://example.org', 'file:///tmp'):
        refused(lambda: f(url), 'is an address', 'fetch_data of mlp_foundations.fetch')

def pairs(part, images='-images-idx3-ubyte', labels='-labels-idx1-ubyte', n=10_002):
    return {f'{part}{images}': idx(n, 2, 3), f'{part}{labels}': idx(n)}
def packed(files): return {f'{k}.gz': gz(raw) for k,raw in files.items()}
def dotted(files): return {k.replace('-idx', '.idx'): raw for k,raw in files.items()}

LAYOUTS = {'as served': packed(pairs('train')), 'gunzip': pairs('train'), '7-Zip': dotted(pairs('train')), 'packed with a dot': packed(dotted(pairs('train'))),
           'torchvision': pairs('train')|packed(pairs('train')), '7-Zip beside the packed': dotted(pairs('train'))|packed(pairs('train')),
           'EMNIST': packed(pairs('emnist-balanced-train')), 'EMNIST, unpacked': pairs('emnist-letters-train')}

@pytest.mark.parametrize('what', LAYOUTS)
def test_a_folder_as_people_have_it(what, tmp_path, monkeypatch):
    "A name that isn't found; a folder, a test set or another file that is taken for the file; `~`"
    for o in ('HOME', 'USERPROFILE'): monkeypatch.setenv(o, str(tmp_path))
    train = LAYOUTS[what]
    test = {k.replace('emnist-balanced-train', 'emnist-balanced-test').replace('emnist-letters-train', 'emnist-letters-test').replace('train', 't10k'):
            (gz if k.endswith('.gz') else bytes)(idx(4, 2, 3) if 'images' in k else idx(4)) for k in train}
    folder = write(tmp_path/'data', train|test|{'train-images.txt': b'', 'notes on train-images-idx3-ubyte': b'', 'emnist-mapping.txt': b'', 'train-images-idx3-ubyte.gz.part': b''})
    if what=='7-Zip': (folder/'train-images-idx3-ubyte').mkdir() # so does the archive on Kaggle
    for path in (folder, str(folder), '~/data'):
        x_train,y_train,x_valid,y_valid = data.get_data(path)
        assert x_train.tolist()==[[i/256 for i in range(6)], [(i+6)%10/256 for i in range(6)]] and y_train.tolist()==[0, 1] and len(x_valid)==len(y_valid)==10_000
        x_test,y_test = data.get_test(path)
        assert x_test.shape==(4, 6) and y_test.tolist()==[0, 1, 2, 3]

def test_two_sets_in_one_folder(tmp_path):
    "One of them is taken without a word"
    for i,other in enumerate(({'emnist-letters-train': 'emnist-digits-train'}, {'train': 'emnist-letters-train'})):
        (a,b), = other.items()
        folder = write(tmp_path/str(i), packed(pairs(a))|packed(pairs(b)))
        refused(lambda: data.get_data(folder), folder, f'{a}-images-idx3-ubyte', f'{b}-images-idx3-ubyte', 'To do')

def test_qmnist(tmp_path):
    "Its labels have eight columns, of int32; the class is the first"
    labels = np.arange(8*10_001).reshape(-1, 8)%1000
    files = {'qmnist-train-images-idx3-ubyte.gz': gz(idx(10_001, 2, 2)), 'qmnist-train-labels-idx2-int.gz': gz(idx(10_001, 8, kind=12, values=labels.astype('>i4').tobytes()))}
    x,y,_,y_valid = data.get_data(write(tmp_path/'qmnist', files))
    assert y.tolist()==[0] and y.dtype==torch.int64 and y_valid[:3].tolist()==[8, 16, 24] and x.shape==(1, 4)
    files = {k.replace('train', 'test'): raw for k,raw in files.items()}
    assert data.get_test(write(tmp_path/'qmnist', files))[1].tolist()==labels[:,0].tolist()
    one = {k: raw if 'images' in k else gz(idx(10_001)) for k,raw in files.items()} # as other people pack it: labels alone
    assert len(data.get_test(write(tmp_path/'one', one))[1])==10_001
    other = {k.removeprefix('qmnist-'): raw for k,raw in files.items()} # one-hot labels, say: column 0 is not the class
    refused(lambda: data.get_test(write(tmp_path/'other', other)), 'test-images', '(10001, 8) torch.int32', 'read_idx(...)[:,k]')

def test_emnist_is_turned_as_the_lesson_says(tmp_path):
    "The line that turns EMNIST's pictures is in the lesson, and it does"
    upright = torch.arange(2*28*28).remainder(251).view(2, 28, 28).byte()
    files = {'emnist-digits-test-images-idx3-ubyte.gz': gz(idx(2, 28, 28, values=upright.mT.contiguous().numpy().tobytes())), 'emnist-digits-test-labels-idx1-ubyte.gz': gz(idx(2))}
    x,_ = data.get_test(write(tmp_path/'emnist', files))
    line = 'x.view(-1, 28, 28).transpose(1, 2).flatten(1)'
    assert line in (Path(__file__).parent.parent/'nbs'/'00_data.ipynb').read_text(encoding='utf-8')
    assert torch.equal(eval(line)*256, upright.flatten(1).float()) and not torch.equal(x*256, upright.flatten(1).float())

# --- what is not sound is refused

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

def zipped():
    f = io.BytesIO()
    with zipfile.ZipFile(f, 'w') as z: z.writestr('train-images-idx3-ubyte', GOOD)
    return f.getvalue()

FAULTS = {
    'empty':                       (b'', 'an empty file'),
    'html page':                   (PAGE, '<!DO'),
    'html page, gzipped':          (gz(PAGE), '<!DO'),
    'wrong magic':                 (b'\0\1' + GOOD[2:], '00 01 08 02'),
    'too few bytes for floats':    (idx(2, 3, kind=13), '24 bytes of values'),
    'no dimensions':               (b'\0\0\x08\0', '00 00 08 00'),
    'three bytes':                 (GOOD[:3], '00 00 08'),
    'magic only':                  (GOOD[:4], 'a whole file'),
    'cut in the header':           (GOOD[:11], 'a whole file'),
    'cut in the values':           (GOOD[:-1], '5 bytes, and then the end'),
    'cut in the values, gzipped':  (gz(GOOD[:-1]), '5 bytes, and then the end'),
    'cut in a value':              (idx(2, 3, kind=11, values=bytes(11)), '11 bytes, and then the end'),
    'half a gzip file':            (gz(GOOD)[:-9], 'a whole file'),
    'gzip without its checksum':   (gz(GOOD)[:-8], 'a whole file'),
    'another checksum':            (gz(GOOD)[:-8] + b'\0'*4 + gz(GOOD)[-4:], 'a whole file'),
    'bytes after the values':      (GOOD + b'\0', 'more bytes after them'),
    'one byte after a million':    (idx(MB+5, values=bytes(MB+6)), 'more bytes after them'),
    'a million after a million':   (gz(idx(MB+5, values=bytes(3*MB))), 'more bytes after them'),
    'bytes after them, gzipped':   (gz(GOOD + b'\0'), 'more bytes after them'),
    'bytes after the gzip':        (gz(GOOD) + b'more', 'a whole file'),
    'two files in one':            (gz(GOOD)*2, 'more bytes after them'),
    'dims promise more':           (idx(2**10, 2**10, 2**10, values=b'abc'), '3 bytes, and then the end'),
    'dims promise more, gzipped':  (gz(idx(2**10, 2**10, 2**10, values=b'abc')), '3 bytes, and then the end'),
    'dims beyond any memory':      (idx(2**32-1, 2**32-1, 2**32-1, values=b'abc'), 'at most 1,073,741,824 bytes'),
    'the same, one of them 0':     (idx(0, 2**32-1, 2**32-1, values=b''), 'at most 1,073,741,824 bytes'),
    'dims beyond the limit, by 1': (idx(2**30+1, values=b'abc'), 'at most 1,073,741,824 bytes'),
    'doubles beyond the limit':    (idx(2**27+1, kind=14, values=b'abc'), 'at most 1,073,741,824 bytes'),
    'a bomb behind a small file':  (zeros_gz(GOOD, 40*MB), 'more bytes after them'),
    'a bomb that says so':         (zeros_gz(idx(2**31, values=b''), 40*MB), 'at most 1,073,741,824 bytes'),
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
    assert mem<6*MB, f'{mem/MB:.1f} MB'

@pytest.mark.parametrize('what', ['html page', 'cut in the values', 'half a gzip file', 'bytes after the values', 'a bomb behind a small file', 'a pickle, gzipped'])
@pytest.mark.parametrize('name', NAMES)
def test_the_folder_with_such_a_file_is_refused(name, what, tmp_path):
    folder = write(tmp_path/'here', small_set()|{name: FAULTS[what][0]})
    get,other = (data.get_data,data.get_test) if name.startswith('train') else (data.get_test,data.get_data)
    refused(lambda: get(folder), folder/name, 'to do:')
    other(folder) # the other half of the folder is sound

def test_what_is_sound_is_read_in_little_more_than_its_size(tmp_path):
    for raw in (GOOD, gz(GOOD), gz(GOOD[:7])+gz(GOOD[7:])): # a gzip file may come in parts
        (tmp_path/'f').write_bytes(raw)
        assert data.read_idx(tmp_path/'f').tolist()==[[0, 1, 2], [3, 4, 5]]
    (tmp_path/'f').write_bytes(zeros_gz(idx(32, MB, values=b''), 32*MB))
    got = []
    mem,e = peak(lambda: got.append(data.read_idx(tmp_path/'f')))
    assert e is None and got[0].shape==(32, MB) and not got[0].any()
    assert mem<1.3*32*MB, f'{mem/MB:.1f} MB'
    (tmp_path/'f').write_bytes(idx(0, 3))
    assert data.read_idx(tmp_path/'f').shape==(0, 3)

def test_limit(tmp_path):
    (tmp_path/'f').write_bytes(zeros_gz(idx(32, MB, values=b''), 32*MB))
    mem,e = peak(lambda: data.read_idx(tmp_path/'f', limit=32*MB-1))
    assert isinstance(e, ValueError) and 'at most 33,554,431 bytes' in str(e) and mem<2*MB
    (tmp_path/'f').write_bytes(GOOD)
    assert data.read_idx(tmp_path/'f', limit=6).shape==(2, 3)
    refused(lambda: data.read_idx(tmp_path/'f', limit=5), 'at most 5 bytes')
    noise = random.Random(0).randbytes(3*MB-99) # packed, it is larger
    (tmp_path/'f').write_bytes(gz(idx(len(noise), values=noise)))
    assert data.read_idx(tmp_path/'f', limit=len(noise)).numpy().tobytes()==noise

def test_a_large_file_is_never_held_whole(tmp_path):
    with open(tmp_path/'f', 'wb') as f:
        f.write(GOOD)
        f.truncate(64*MB)
    mem,e = peak(lambda: data.read_idx(tmp_path/'f', limit=MB))
    assert isinstance(e, ValueError) and 'more bytes' in str(e) and mem<10*MB, f'{mem/MB:.1f} MB'

def test_the_fingerprint(tmp_path):
    path = tmp_path/'f'
    path.write_bytes(gz(GOOD))
    right = hashlib.sha256(gz(GOOD)).hexdigest()
    assert data.read_idx(path, right).shape==data.read_idx(path, right.upper()).shape==(2, 3)
    for wrong in ('', right[:-1], hashlib.sha256(GOOD).hexdigest()): refused(lambda: data.read_idx(path, wrong), path, right)

def test_every_cut_and_every_flipped_bit(tmp_path):
    "Of a small gzip file: refused by `ValueError`, or read as what it was (the date in its header, say, may be another)"
    whole,path,same = gz(GOOD),tmp_path/'f',0
    for k in range(len(whole)):
        path.write_bytes(whole[:k])
        refused(lambda: data.read_idx(path), 'to do')
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
        refused(lambda: data.read_idx(path), 'to do')

def test_what_cannot_be_opened(tmp_path, monkeypatch):
    "Python's own errors, which name the path, are not taken for damage"
    folder = write(tmp_path/'here', small_set())
    refused(lambda: data.read_idx(folder/'none'), folder/'none', kind=FileNotFoundError)
    refused(lambda: data.read_idx(folder), folder, kind=OSError)
    for f in (data.get_data, data.get_test):
        refused(lambda: f(tmp_path/'none'), tmp_path/'none', kind=FileNotFoundError)
        refused(lambda: f(folder/NAMES[0]), folder/NAMES[0], kind=OSError)
        refused(lambda: f(tmp_path), tmp_path, 'has no ', '-images-idx', kind=FileNotFoundError)
    (folder/NAMES[1]).unlink()
    if hasattr(os, 'mkfifo'): os.mkfifo(folder/NAMES[1]) # opening it would wait for ever
    refused(lambda: data.get_data(folder), folder, 'train-labels', kind=FileNotFoundError)
    def no(file, *args): raise PermissionError(13, 'Permission denied', str(file))
    monkeypatch.setattr(data, 'open', no, raising=False)
    refused(lambda: data.get_test(folder), folder/NAMES[2], kind=PermissionError)

@pytest.mark.parametrize('images, labels, said', [
    (idx(6, 2, 2), idx(5), ['(6, 2, 2)', '(5,)']), (idx(5, 2, 2), idx(6), ['(5, 2, 2)', '(6,)']), (idx(6, 2, 2), idx(6, 1), ['(6, 1)', '[:,k]']), (idx(6), idx(6), ['(6,)']),
    (idx(6, 4), idx(6), ['(6, 4)']), (idx(6), idx(6, 2, 2), ['(6, 2, 2)']), (idx(0, 2, 2), idx(0), ['(0, 2, 2)']), (idx(6, 0, 2), idx(6), ['(6, 0, 2)']),
    (idx(6, 2, 2, kind=13, values=bytes(96)), idx(6), ['torch.float32', 'bytes (n, height, width)']), # /256 would be another scale
    (idx(6, 2, 2, kind=9), idx(6), ['torch.int8']), (idx(6, 2, 2), idx(6, kind=14, values=bytes(48)), ['torch.float64', 'whole numbers'])])
@pytest.mark.parametrize('part, get', [('train', data.get_data), ('t10k', data.get_test)])
def test_images_and_labels_that_do_not_fit(part, get, images, labels, said, tmp_path):
    files = {f'{part}-images-idx3-ubyte.gz': gz(images), f'{part}-labels-idx1-ubyte.gz': gz(labels)}
    refused(lambda: get(write(tmp_path/'here', files)), *files, tmp_path, *said, 'to do:')

def test_too_few_rows(tmp_path):
    for n in (1, 10_000): refused(lambda: data.get_data(write(tmp_path/'here', pairs('train', n=n))), f'{n:,} training rows', '10,000')
    assert len(data.get_data(write(tmp_path/'here', pairs('train', n=10_001)))[0])==1

# --- no pickle

class Marker: # a pickle that leaves a file behind when it is loaded
    def __init__(self, path): self.path = str(path)
    def __reduce__(self): return open, (self.path, 'w')

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
    "`distributed` alone reads a file of torch.save, with weights_only; `check` runs the texts of the exercises, which are the package's own"
    modules = sorted(Path(data.__file__).parent.rglob('*.py'))
    assert len(modules)>=8
    assert {o.name: {*found} for o in modules if (found := list(loads_code(o.read_text(encoding='utf-8'))))}=={
        'check.py': {'compile', 'eval', 'exec'}, 'distributed.py': {'torch.load', 'weights_only'}}
    assert 'torch.load(path, weights_only=True)' in (Path(data.__file__).parent/'distributed.py').read_text(encoding='utf-8')

@pytest.mark.parametrize('pack', [bytes, gz], ids=['plain', 'gzipped'])
@pytest.mark.parametrize('protocol', range(pickle.HIGHEST_PROTOCOL+1))
def test_a_pickle_is_refused_and_never_run(protocol, pack, tmp_path):
    evil,mark = pickle.dumps(Marker(tmp_path/'mark'), protocol=protocol),tmp_path/'mark'
    folder = write(tmp_path/'here', small_set()|{NAMES[0]: pack(evil)})
    for f in (lambda: data.get_data(folder), lambda: data.read_idx(folder/NAMES[0])): refused(f, NAMES[0])
    assert not mark.exists()
    pickle.loads(evil).close()
    assert mark.exists() # loading it would have shown

# --- near enough

f64 = torch.float64
def far(a, b, *said, **kw): refused(lambda: near(a, b, **kw), *said, kind=AssertionError)

def test_the_edge_of_near():
    near(torch.tensor([1.5]), torch.tensor([1.]), rtol=0, atol=.5)
    near(torch.tensor([3.]), torch.tensor([2.]), rtol=.5)
    for a,b in (([1.5001], [1.]), ([.4999], [1.])): far(torch.tensor(a), torch.tensor(b), '1 of 1', rtol=0, atol=.5)
    near(torch.tensor([2.]), torch.tensor([3.]), rtol=.4) # a share of the second
    far(torch.tensor([3.]), torch.tensor([2.]), '1 of 1', rtol=.4)
    near(torch.tensor([1.]), torch.tensor([1.000009]))
    for b in (1.00002, .99998, 1+1e-4): far(torch.tensor([1.]), torch.tensor([b]), '1 of 1')
    near(torch.tensor([1+1j]), torch.tensor([1+1.000001j]))
    far(torch.tensor([[1., 2.], [3., 5.]]), torch.tensor([[1., 2.], [3., 4.]]), '1 of 4', 'first at [1, 1]', '5.0 against 4.0')

def test_near_is_of_one_kind():
    "Broadcasting, a dtype or a device that differs, NaN on both sides"
    for a,b in (((5,1), (5,)), ((5,), (1,)), ((1,5), (5,)), ((), (1,))): far(torch.ones(a), torch.ones(b), a, b)
    far([1, 2, 3], [1, 2], '(3,) against (2,)')
    far(torch.ones(3), torch.ones(3).double(), 'dtypes differ', 'torch.float32', 'torch.float64')
    far(torch.ones(3), torch.ones(3, device='meta'), 'devices differ', 'cpu', 'meta')
    for a,b in ((nan, nan), ([nan], [1.]), ([1.], [nan]), ([1., nan], [1., nan]), (inf, 1.), (1., inf), (inf, -inf)): far(a, b, 'differ')
    near(inf, inf)
    near(torch.arange(12.).view(4, 3).t(), torch.arange(12.).view(4, 3).t().contiguous())
    near(torch.ones(2, requires_grad=True), torch.ones(2))

def test_near_of_numbers_and_lists():
    "A number takes the dtype of the tensor beside it; what Python has alone is float64, an array keeps its own"
    near(torch.tensor(.1), .1)
    near(.1, torch.tensor(.1, dtype=f64), rtol=1e-16)
    near(torch.tensor([1+0j])[0], 1)
    near([.1, .2], (.1, .2), rtol=1e-16)
    near(torch.tensor([.1, .2]), [.1, .2])
    far([.1], [.1+1e-12], '1 of 1', rtol=1e-13)
    for a,b in ((torch.tensor(3), 3.), (torch.tensor([1.], dtype=f64), [1.]), (3, 3.), (torch.tensor(True), 1), (np.float32([1]), [1.])): far(a, b, 'dtypes differ')

def test_near_of_whole_numbers_is_equal():
    far(2**63-1, 2**63-2, '1 of 1') # equal as doubles
    far(torch.tensor([100]), torch.tensor([101]), '1 of 1', rtol=.5)
    near(torch.tensor([True, False]), [True, False])

def test_near_what_overflows():
    "|-128| is -128 in int8, and a difference of two large floats is infinite"
    for o in (torch.tensor([-2**(b-1)], dtype=t) for b,t in ((8, torch.int8), (16, torch.int16), (32, torch.int32), (64, torch.int64))): refused(lambda: near_zero(o), float(-o.double()), kind=AssertionError)
    for big in (torch.tensor([3e38]), torch.tensor([6e4], dtype=torch.float16), torch.tensor([1.5e308], dtype=f64)): far(-big, big, '1 of 1', rtol=1.5)
    near(torch.tensor([complex(1, inf)]), torch.tensor([complex(1, inf)]))
    far(torch.tensor([complex(1, inf)]), torch.tensor([complex(2, inf)]), '1 of 1')

def test_near_zero():
    "The edge itself, another sign, an imaginary part, NaN, whole numbers"
    near_zero(torch.tensor([.4999, -.4999]), tol=.5)
    for o in (torch.tensor([False]), 0, torch.tensor([0], dtype=torch.uint8), torch.tensor([1e-4+1e-4j]), [0., 1e-4]): near_zero(o)
    for o in (.5, -.5, 4j): refused(lambda: near_zero(torch.tensor([o]), tol=.5), 'not near zero', kind=AssertionError)
    for o in (torch.tensor([True]), [True], 3, torch.tensor([3+4j]), nan, [1., nan], inf, [0., 1.]): refused(lambda: near_zero(o), 'not near zero', kind=AssertionError)

# --- one scale

def test_normalize():
    x = torch.arange(12.).view(4, 3)
    for m,s in ((1, 2), (1., 2.), (torch.tensor(1.), torch.tensor(2)), (torch.ones(3), torch.full((1, 3), 2.)), (torch.ones(4, 1), 2), ([1., 1., 1.], np.full(3, 2.)), (np.float64(1), np.float32(2))):
        z = normalize(x, m, s)
        assert z.dtype==torch.float32 and torch.equal(z, (x-1)/2)
    near(normalize(x.double(), .1, np.float64(.3)), (x.double()-.1)/.3, rtol=1e-15)
    for o in (x.t(), x[:0], x[0,0], x[None]): assert torch.equal(normalize(o, 1, 2), (o-1)/2)
    assert torch.equal(normalize(x.numpy(), 1, 2), (x-1)/2)
    assert torch.equal(x, torch.arange(12.).view(4, 3)) # it is not changed

@pytest.mark.parametrize('m', [torch.ones(4), torch.ones(4, 2), torch.ones(2, 3), torch.ones(1, 4, 3), np.ones((4, 1, 1)), [1.]*4])
def test_statistics_of_another_shape(m):
    "Broadcasting would change the shape of the result, (5,) with (5, 1) to (5, 5)"
    x = torch.rand(4, 3)
    for f in (lambda: normalize(x, m, 1.), lambda: normalize(x, 0., m)): refused(f, '[4, 3]', kind=RuntimeError)
    refused(lambda: normalize(torch.rand(5), torch.rand(5, 1), 1.), '[5, 1]', kind=RuntimeError)

@pytest.mark.parametrize('dtype', [torch.uint8, torch.int64, torch.bool, torch.float16, torch.bfloat16, torch.complex64])
def test_values_that_are_too_coarse(dtype):
    "128 - 129 is 255 in uint8, 2049 - 2047.5 is 0 in float16"
    refused(lambda: normalize(torch.tensor([0, 1, 1]).to(dtype), 1, 1), *[dtype]*(not dtype.is_complex), kind=(ValueError, RuntimeError))

@pytest.mark.parametrize('s', [0, 0., -1., nan, inf, 1e-50, torch.tensor(1e-50, dtype=f64), torch.tensor(0), False, torch.tensor([1., nan, 1.]), torch.tensor([1., inf, 1.]), torch.tensor([1., 0., 1.])])
def test_a_deviation_that_is_none(s): refused(lambda: normalize(torch.ones(4, 3), 0, s), 's above 0')

def test_statistics_on_another_device():
    for f in (lambda: normalize(torch.ones(3), torch.ones(3, device='meta'), 1.), lambda: normalize(torch.ones(3), 0., torch.ones(3, device='meta'))): refused(f, 'meta', kind=(RuntimeError, NotImplementedError))

def test_numbers_of_python_are_compared_as_they_are():
    "Two floats rounded to float32 before they are compared"
    with pytest.raises(AssertionError): near(1.00000001, 1., rtol=1e-10)
