"The package: what is in the sdist and in the wheel, what the names are, what the command says."
import inspect, subprocess, sys, tarfile, zipfile
from pathlib import Path

import pytest
from fastcore.docments import docments

root = Path(__file__).resolve().parent.parent
DATA = ['NOTICE.md', *(f'{o}-ubyte.gz' for o in ('t10k-images-idx3', 't10k-labels-idx1', 'train-images-idx3', 'train-labels-idx1'))]
NAMES = '''get_data get_test read_idx normalize test_near test_near_zero show_images
    matmul_loops matmul_dot matmul_broadcast matmul_einsum matmul lin relu  xavier_normal kaiming_normal layer_stats  mse
    mse_grad relu_grad lin_grad forward_and_backward check_grads  Module Lin Relu Mse Model nn
    log_softmax cross_entropy CrossEntropy accuracy SGD fit mlp_train'''.split()
NN = 'relu_fn linear_fn mse_fn Parameter Module Linear ReLU Sequential to_torch from_torch'.split()

@pytest.fixture(scope='module')
def built(tmp_path_factory):
    "The sdist, and the wheel that is built from it"
    out = tmp_path_factory.mktemp('dist')
    subprocess.run([sys.executable, '-m', 'build', '--no-isolation', '--outdir', out, root], check=True, capture_output=True)
    return next(out.glob('*.tar.gz')), next(out.glob('*.whl'))

def test_the_data_are_in_the_sdist_and_in_the_wheel(built):
    sdist,wheel = tarfile.open(built[0]),zipfile.ZipFile(built[1])
    top = sdist.getnames()[0].split('/')[0]
    for o in DATA:
        want = (root/'mlp_foundations'/'mnist'/o).read_bytes()
        assert wheel.read(f'mlp_foundations/mnist/{o}')==want
        assert sdist.extractfile(f'{top}/mlp_foundations/mnist/{o}').read()==want
    assert 'mlp_foundations/all.py' in wheel.namelist()

def test_all_the_names():
    from mlp_foundations import all as everything, nn
    assert not [o for o in NAMES if o not in everything.__all__]
    assert not [o for o in NN if o not in nn.__all__]

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

def test_the_command_trains():
    res = subprocess.run([str(Path(sys.executable).parent/'mlp_train'), '--epochs', '1', '--nh', '16'], capture_output=True, text=True, check=True)
    assert float(res.stdout.split('test accuracy ')[1].split()[0])>.9
    assert '100%|' in res.stderr
