"The package: what is in the sdist and in the wheel, how the wheel works elsewhere, what the names are, what the command says."
import email, inspect, json, os, re, shutil, subprocess, sys, sysconfig, tarfile, venv, zipfile
from pathlib import Path

import pytest
from fastcore.docments import docments

root = Path(__file__).resolve().parent.parent
DATA = ['NOTICE.md', *(f'{o}-ubyte.gz' for o in ('t10k-images-idx3', 't10k-labels-idx1', 'train-images-idx3', 'train-labels-idx1'))]
NAMES = '''get_data get_test read_idx normalize test_near test_near_zero show_images
    matmul_loops matmul_dot matmul_broadcast matmul_einsum matmul lin relu  xavier_normal kaiming_normal layer_stats  mse
    mse_grad relu_grad lin_grad forward_and_backward check_grads  Module Lin Relu Mse Model
    log_softmax cross_entropy CrossEntropy accuracy SGD fit mlp_train  trace check pad small_net live_training  torch tensor math'''.split()
NN = 'relu_fn linear_fn mse_fn Parameter Module Linear ReLU Sequential to_torch from_torch'.split()

def build(source, out, *args):
    subprocess.run([sys.executable, '-m', 'build', '--no-isolation', '--outdir', out, *args, source], check=True, capture_output=True)
    return out

@pytest.fixture(scope='module')
def tree(tmp_path_factory):
    "A copy of what the package is built from, without what earlier builds left"
    tree = tmp_path_factory.mktemp('tree')/'project'
    tree.mkdir()
    for o in ('settings.ini', 'setup.py', 'pyproject.toml', 'MANIFEST.in', 'README.md', 'LICENSE'): shutil.copy(root/o, tree)
    shutil.copytree(root/'mlp_foundations', tree/'mlp_foundations', ignore=shutil.ignore_patterns('__pycache__'))
    return tree

@pytest.fixture(scope='module')
def built(tree, tmp_path_factory):
    "The sdist, and the wheel that is built from it"
    out = build(tree, tmp_path_factory.mktemp('dist'))
    return next(out.glob('*.tar.gz')), next(out.glob('*.whl'))

def test_the_data_are_in_the_sdist_and_in_the_wheel(built):
    sdist,wheel = tarfile.open(built[0]),zipfile.ZipFile(built[1])
    top = sdist.getnames()[0].split('/')[0]
    for o in DATA:
        want = (root/'mlp_foundations'/'mnist'/o).read_bytes()
        assert wheel.read(f'mlp_foundations/mnist/{o}')==want
        assert sdist.extractfile(f'{top}/mlp_foundations/mnist/{o}').read()==want
    assert {'mlp_foundations/all.py', 'mlp_foundations/exercises/e00.py'} <= {*wheel.namelist()}

def metadata(built): return email.message_from_string(next(zipfile.ZipFile(built[1]).read(o).decode() for o in zipfile.ZipFile(built[1]).namelist() if o.endswith('dist-info/METADATA')))
def amiss(meta, names):
    "What PyPI would refuse or show wrongly"
    from trove_classifiers import classifiers
    said = meta.get_all('Classifier')
    res = [f'no such classifier: {o}' for o in said if o not in classifiers] + [f'beside an SPDX licence: {o}' for o in said if o.startswith('License')]
    res += [f'{k} is missing' for k in ('Name', 'Summary', 'License-Expression', 'Requires-Python', 'Keywords', 'Author') if not meta[k]]
    pythons = {o.rsplit(' ', 1)[1] for o in said if o.startswith('Programming Language :: Python :: 3.')}
    if pythons!={'3.10', '3.11', '3.12', '3.13', '3.14'}: res.append(f'Pythons: {pythons}')
    if 'Typing :: Typed' not in said or 'mlp_foundations/py.typed' not in names: res.append('not typed')
    if not {'LICENSE', 'NOTICE.md'}<={Path(o).name for o in meta.get_all('License-File')} or sum('licenses/' in o for o in names)<2: res.append('no licence files')
    if '```python' not in meta.get_payload() or meta['Description-Content-Type']!='text/markdown': res.append('no README')
    return res
def test_what_would_be_uploaded(built):
    meta,names = metadata(built),zipfile.ZipFile(built[1]).namelist()
    assert not amiss(meta, names)
    assert {f'mlp_foundations/{o}' for o in ('py.typed', 'pad.js', 'trace.css')}<={*names} and any(o.endswith('/py.typed') for o in tarfile.open(built[0]).getnames())
    for k,v in [('Summary', None), ('Classifier', 'Topic :: Nothing'), ('Classifier', 'License :: OSI Approved')]: # each is found
        changed = metadata(built)
        if v is None: del changed[k]
        else: changed[k] = v
        assert amiss(changed, names)
    assert amiss(meta, [o for o in names if not o.endswith('py.typed')])

def test_the_smoke_test_runs_the_example_of_readme():
    sys.path.insert(0, str(root/'tools'))
    import smoke
    assert 'history = fit(' in smoke.example((root/'README.md').read_text(encoding='utf-8')) and 'smoke.py' in (root/'Makefile').read_text(encoding='utf-8')

def test_the_sdist_builds_the_wheel_that_the_tree_builds(built, tree, tmp_path):
    contents = lambda path: {o.filename:zipfile.ZipFile(path).read(o) for o in zipfile.ZipFile(path).infolist()}
    assert contents(next(build(tree, tmp_path, '--wheel').glob('*.whl')))==contents(built[1])

# --- the wheel in an environment of its own, outside the repository --------------------------------------------------------

NO_NETWORK = """import socket
def refuse(*args, **kwargs): raise OSError('no network here')
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = socket.create_connection = refuse
"""

@pytest.fixture(scope='module')
def elsewhere(built, tmp_path_factory):
    "Runs a command in a new environment without a network, which has the wheel, and borrows what the wheel requires from this one"
    folder = tmp_path_factory.mktemp('elsewhere')
    venv.create(folder/'venv')
    bin = folder/'venv'/('Scripts' if os.name=='nt' else 'bin')
    paths = json.loads(subprocess.run([bin/'python', '-c', 'import json, sysconfig; print(json.dumps(sysconfig.get_paths()))'], capture_output=True, check=True).stdout)
    subprocess.run([sys.executable, '-m', 'pip', '--python', bin/'python', 'install', '-q', '--no-deps', '--no-index', built[1]], check=True, capture_output=True)
    (Path(paths['purelib'])/'borrowed.pth').write_text(sysconfig.get_paths()['purelib']+'\nimport no_network\n', encoding='utf-8')
    (Path(paths['purelib'])/'no_network.py').write_text(NO_NETWORK, encoding='utf-8') # no sitecustomize.py: Debian's Python has one of its own
    env = {k:v for k,v in os.environ.items() if k!='PYTHONPATH'}
    def run(command, *args): return subprocess.run([bin/command, *args], cwd=folder, env=env, capture_output=True, text=True)
    return run

def test_it_is_the_wheel_and_there_is_no_network(elsewhere):
    assert 'elsewhere' in elsewhere('python', '-c', 'import mlp_foundations; print(mlp_foundations.__file__)').stdout
    assert 'no network here' in elsewhere('python', '-c', 'from urllib.request import urlopen; urlopen("http://127.0.0.1:9")').stderr

def test_the_command_trains_elsewhere(elsewhere):
    res = elsewhere('mlp_train', '--epochs', '1', '--nh', '16')
    assert not res.returncode, res.stderr
    assert float(res.stdout.split('test accuracy ')[1].split()[0])>.9
    assert 'epoch 0, loss' in res.stdout and '784 → 16 → 10' in res.stdout and '|' not in res.stderr # no terminal, no bar

def test_the_version_shows(elsewhere):
    said = elsewhere('python', '-c', 'import mlp_foundations, importlib.metadata as m; print(mlp_foundations.__version__, m.version("mlp_foundations"))').stdout.split()
    assert said==[re.search('"(.+)"', (root/'mlp_foundations'/'__init__.py').read_text(encoding='utf-8'))[1]]*2

LIGHT = {'mlp_foundations', 'fastcore', 'tqdm'} # beside what torch loads: a few hundredths of a second in all
def test_import_costs_what_torch_costs(elsewhere):
    "The name alone loads nothing; all of its modules nothing but torch, small libraries and Python's own, and they open no data"
    loaded = 'import sys; {}; b = set(sys.modules); import {}; print(*{{o.split(".")[0] for o in set(sys.modules)-b}})'
    assert elsewhere('python', '-c', loaded.format('pass', 'mlp_foundations')).stdout.split()==['mlp_foundations']
    opened = 'import sys; sys.addaudithook(lambda e, args: print("opened", args[0]) if e=="open" and "mnist" in str(args[0]) else None); '
    assert 'opened' in elsewhere('python', '-c', opened+'from mlp_foundations.all import *; get_test()').stdout
    res = elsewhere('python', '-c', opened+loaded.format('import torch', 'mlp_foundations.all'))
    assert not res.returncode, res.stderr
    assert 'opened' not in res.stdout and set(res.stdout.split())-sys.stdlib_module_names <= LIGHT

# --- names and what they say --------------------------------------------------------------------------------------------------

def test_all_the_names():
    from mlp_foundations import all as everything, nn
    assert not [o for o in NAMES if o not in everything.__all__]
    assert not [o for o in NN if o not in nn.__all__]

def test_torchs_nn_is_not_replaced():
    "By `from mlp_foundations.all import *` after `from torch import nn`"
    from mlp_foundations import all as everything
    assert 'nn' not in everything.__all__

def public():
    from mlp_foundations import data, matmul, init, forward, backward, layers, nn, training
    for mod in (data, matmul, init, forward, backward, layers, nn, training):
        for name in mod.__all__:
            o = getattr(mod, name)
            if inspect.isclass(o) or inspect.isfunction(o): yield f"{mod.__name__.split('.')[1]}.{name}", o

@pytest.mark.parametrize("name, o", list(public()))
def test_every_name_is_documented(name, o):
    assert inspect.getdoc(o) and '\n' not in inspect.getdoc(o), 'one line, please'
    f = o.__init__ if inspect.isclass(o) else o
    if f is object.__init__ or name=='nn.Sequential': return
    docs = docments(f)
    assert not [k for k in inspect.signature(f).parameters if k!='self' and not docs.get(k)], 'say what each argument is'

def test_the_command_explains_itself():
    res = subprocess.run([str(Path(sys.executable).parent/'mlp_train'), '--help'], capture_output=True, text=True, check=True).stdout
    for o in ('--nh', 'hidden units (default: 50)', '--epochs', '--lr', '--bs', '--seed'): assert o in ' '.join(res.split())
