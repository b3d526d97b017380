"Pictures: each form of images is drawn as what it is, or refused by an error that says what to do; each has a text. test_slider.py moves the sliders in a browser."
import subprocess, sys
from unittest.mock import patch

import numpy as np
import pytest
import torch
from PIL import Image
from mlp_foundations import show

def drawn(*args, **kwargs):
    "The images that `show_images` draws, as arrays, and the alternative text that it displays"
    images = []
    with patch('matplotlib.axes.Axes.imshow', lambda ax, im, **kw: images.append(im.numpy())), patch('IPython.display.display') as shown: show.show_images(*args, **kwargs)
    (out,),kw = shown.call_args
    meta = kw['metadata']['image/png']
    assert shown.call_count==1 and meta['alt']==out['text/plain'] and meta['width']>0 and out['image/png']
    return images, meta['alt']

def same(images, want):
    assert len(images)==len(want)
    for a,b in zip(images, want): assert a.shape==tuple(np.shape(b)) and (a==torch.as_tensor(b).numpy()).all()

X = torch.arange(6*16.).view(6, 16)

def test_a_square_is_one_image_and_rows_are_rows():
    "16 rows of 16 values were taken for 16 images of 4 × 4"
    square = torch.arange(256.).view(16, 16)
    same(drawn(square)[0], [square])
    same(drawn(square.view(16, 4, 4))[0], square.view(16, 4, 4))
    same(drawn(square[:15])[0], square[:15].view(15, 4, 4))
    same(drawn(square[:1])[0], square[:1].view(1, 4, 4))
    same(drawn(list(square))[0], square.view(16, 4, 4)) # in a list, each item is an image
    same(drawn(torch.arange(3*784).view(3, 784))[0], torch.arange(3*784).view(3, 28, 28))

FORMS = {'NumPy': X.numpy(), 'float64': X.double(), 'float16': X.half(), 'bfloat16': X.bfloat16(), 'int64': X.long(), 'uint8': X.byte(), 'with a gradient': X.clone().requires_grad_(),
         'one channel': X.view(6, 1, 4, 4), 'images': X.view(6, 4, 4), 'reversed': X.flip(0).numpy()[::-1], 'a list of rows': list(X), 'a tuple of images': tuple(X.view(6, 4, 4)),
         'a list of arrays': list(X.view(6, 4, 4).numpy()), 'a list of bfloat16': list(X.bfloat16()), 'a list of pictures': [Image.fromarray(o) for o in X.view(6, 4, 4).byte().numpy()],
         'lists of numbers': X.view(6, 4, 4).tolist(), 'a list of one channel': list(X.view(6, 1, 4, 4))}
@pytest.mark.parametrize('what', FORMS)
def test_every_form(what): same(drawn(FORMS[what])[0], X.view(6, 4, 4))

def test_a_picture_is_one_image():
    "A PIL picture of 6 × 16 pixels is not six rows of 4 × 4; one of two colours is drawn too"
    same(drawn(Image.fromarray(X.byte().numpy()))[0], [X])
    same(drawn(Image.fromarray(X.numpy()>50))[0], [X>50])
    same(drawn(torch.tensor([[True, False], [False, True]]))[0], [[[1, 0], [0, 1]]])

@pytest.mark.parametrize('x', [torch.ones(0, 784), torch.ones(0, 28, 28), torch.ones(784), torch.ones(2, 783), torch.ones(2, 0), torch.ones(0, 0), torch.ones(2, 3, 28, 28), torch.tensor(1.), [], [1., 2.],
                               torch.ones(3, 28, 28)*1j, [[1., 2.], [3., 4.]]])
def test_what_is_no_image_is_not_shown(x):
    with pytest.raises(ValueError, match='show_images needs .* not .*To do'): show.show_images(x)

def test_images_of_several_sizes():
    with pytest.raises(ValueError, match=r'one size, not of \[\(4, 4\), \(5, 5\)\]'): show.show_images([torch.ones(4, 4), torch.ones(5, 5)])

@pytest.mark.parametrize('x', [np.ones((28, 28, 3)), torch.ones(28, 20, 4), Image.new('RGB', (28, 28))])
def test_a_colour_picture_is_not_28_images(x):
    "(28, 28, 3) was drawn as 28 images of 28 × 3"
    with pytest.raises(ValueError, match='To do'): show.show_images(x)

def test_narrow_images_are_drawn():
    same(drawn(torch.ones(2, 3, 3))[0], torch.ones(2, 3, 3)) # a kernel of a convolution
    same(drawn(list(torch.ones(2, 9, 3)))[0], torch.ones(2, 9, 3))
    same(drawn(torch.ones(28, 28, 3).mean(-1)[None])[0], torch.ones(1, 28, 28)) # what the error says to do

@pytest.mark.parametrize('titles', ['digits', 5, 'abcdef'])
def test_a_text_is_no_list_of_titles(titles):
    "It was cut into its letters"
    with pytest.raises(ValueError, match=f'not {titles!r}'): show.show_images(X, titles)

def test_titles():
    for titles in (torch.arange(6), range(6), np.arange(6), [0, 1, 2, 3, 4, '5'], torch.arange(9)): assert drawn(X, titles)[1]=='6 images of 4 × 4 pixels in a row, titled 0, 1, 2, 3, 4, 5'
    with pytest.raises(ValueError, match='6 images, but 5 titles'): show.show_images(X, range(5))

def test_the_text_says_what_is_there():
    assert drawn(X, cols=4)[1]=='6 images of 4 × 4 pixels in rows of 4, values from 0.00 to 95.00'
    assert drawn(X[:1])[1]=='1 image of 4 × 4 pixels, values from 0.00 to 15.00'
    assert drawn(X, alt='six squares')[1]=='six squares'
    assert drawn(torch.ones(31, 2, 2), range(31))[1].endswith('28, 29, and so on')

@pytest.mark.parametrize('cols', [0, -1, True, 2.5, '3', None, np.bool_(True)])
def test_columns_that_are_none(cols):
    with pytest.raises(ValueError, match='cols'): show.show_images(X, cols=cols)

def test_columns(): assert drawn(X, cols=np.int64(2))[1]==drawn(X, cols=2)[1] and 'in a row' in drawn(X, cols=100)[1]

@pytest.mark.parametrize('values', [[], [1.], [1., 1.], [1., 2., 2.], [2., 1., 3.], [0., 1.], [-1., 1.], [1., float('inf')], [1., float('nan')]])
def test_values_of_a_slider_rise_from_above_0(values):
    with pytest.raises(ValueError, match='two or more rising numbers above 0'): show.show_slider(lambda v: None, values, 'x')

def square(v):
    import matplotlib.pyplot as plt
    fig,ax = plt.subplots(figsize=(1, 1))
    ax.set_title(f'{v:.3g} < 9')
    return fig,f'a square of {v:.3g} & more'

def test_a_slider_has_all_its_pictures():
    "A value without its picture, or a text that is not escaped"
    with patch('IPython.display.display') as shown: show.show_slider(square, [1, 2, 4], '<size>')
    out = shown.call_args.args[0]
    assert {*out}=={'text/html', 'text/plain'} and out['text/html'].count('data:image/png;base64,')==3
    for v in (1, 2, 4): assert f'&lt;size&gt; = {v}<' in out['text/html'] and f'alt="a square of {v} &amp; more"' in out['text/html']
    assert 'max="2"' in out['text/html'] and '<size>' not in out['text/html']

def test_pictures_of_a_slider_have_one_size():
    import matplotlib.pyplot as plt
    with pytest.raises(ValueError, match='one size'): show.show_slider(lambda v: (plt.figure(figsize=(v, 1)), 'grows'), [1, 2], 'width')
    plt.close('all')

def test_the_import_is_light():
    "matplotlib, IPython, PIL and pooch are imported when they are needed"
    code = 'import sys, mlp_foundations.show, mlp_foundations.fetch, mlp_foundations.data; print([o for o in ("matplotlib", "IPython", "PIL", "pooch", "requests") if o in sys.modules])'
    assert subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True).stdout.strip()=='[]'
