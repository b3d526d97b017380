"The data inside the package: what it is, and what is said when it is damaged."
import hashlib, shutil
from importlib.resources import files
from pathlib import Path

import pytest
import torch
from mlp_foundations import data

mnist = Path(str(files('mlp_foundations')/'mnist'))

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

@pytest.mark.parametrize('get, name', [(data.get_data, 'train-images-idx3-ubyte.gz'), (data.get_data, 'train-labels-idx1-ubyte.gz'),
                                       (data.get_test, 't10k-images-idx3-ubyte.gz'), (data.get_test, 't10k-labels-idx1-ubyte.gz')])
def test_a_damaged_file_is_named(get, name, tmp_path, monkeypatch):
    shutil.copytree(mnist, tmp_path/'mnist')
    raw = bytearray((tmp_path/'mnist'/name).read_bytes())
    raw[len(raw)//2] ^= 1
    (tmp_path/'mnist'/name).write_bytes(raw)
    monkeypatch.setattr(data, 'files', lambda _: tmp_path)
    with pytest.raises(ValueError) as e: get()
    for said in (str(tmp_path/'mnist'/name), hashlib.sha256(raw).hexdigest(), hashlib.sha256((mnist/name).read_bytes()).hexdigest(), 'install mlp_foundations again'):
        assert said in str(e.value)

@pytest.mark.parametrize('x', [torch.ones(0, 784), torch.ones(0, 28, 28), torch.ones(784), torch.ones(2, 783), torch.ones(2, 0), torch.ones(2, 1, 28, 28)])
def test_what_is_no_image_is_not_shown(x):
    with pytest.raises(ValueError, match='show_images needs'): data.show_images(x)

@pytest.mark.parametrize('values', [[], [1.], [1., 1.], [1., 2., 2.], [2., 1., 3.], [0., 1.], [-1., 1.], [1., float('inf')], [1., float('nan')]])
def test_values_of_a_slider_rise_from_above_0(values):
    with pytest.raises(ValueError, match='two or more rising numbers above 0'): data.show_slider(lambda v: None, values, 'x')
