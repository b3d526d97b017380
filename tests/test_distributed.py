"Many processes do what one does, or end with a sentence. The groups of processes are those of ranks.py, which runs once; the rest runs in this process."
import inspect, json, os, pickle, re, signal, socket, subprocess, sys, time, uuid
from pathlib import Path
from unittest import mock

import pytest
import torch
from mlp_foundations import distributed as D
from mlp_foundations.layers import Model, Relu
from mlp_foundations.speed import fit_fused
from mlp_foundations.training import CrossEntropy, accuracy, fit
from ranks import bits, gen, net, off, rows

root = Path(__file__).resolve().parent
quick = '--nh 100 --bs 128 --lr .4 --epochs 4'.split() # as good as the ten epochs of the default in a fifth of the steps
EPOCHS = 5

@pytest.fixture(scope='module')
def started(tmp_path_factory):
    "ranks.py and the command at the same time, as they wait most of the time; killed if a test ends before them"
    folder,mark = tmp_path_factory.mktemp('ranks'),uuid.uuid4().hex
    env = {k: v for k,v in os.environ.items() if k not in ('RANK', 'WORLD_SIZE')} | dict(OMP_NUM_THREADS='1', PYTHONPATH=str(root.parent), MARK=mark)
    def begin(*args): return subprocess.Popen([sys.executable, *map(str, args)], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding='utf-8', start_new_session=True)
    ps = begin(root/'ranks.py', folder),begin('-m', 'torch.distributed.run', '--nproc-per-node', 2, '-m', 'mlp_foundations.distributed', *quick, '--save', folder/'weights')
    yield *ps,mark,folder
    for p in ps:
        if p.poll() is None: os.killpg(p.pid, signal.SIGKILL) if hasattr(os, 'killpg') else p.kill()

@pytest.fixture(scope='module')
def seen(started):
    out,err = started[0].communicate(timeout=120)
    assert not started[0].returncode, err
    return json.loads(out)

@pytest.fixture(scope='module')
def command(started):
    out,err = started[1].communicate(timeout=120)
    return started[1].returncode,out,err

def ended(o, codes=0):
    "Each of the processes ended by itself with one of `codes`, and these are their results"
    assert not o['late'] and {*o['codes']}=={codes}, (o['codes'], o['err'])
    return o['results']

# --- the sum over all processes -----------------------------------------------------------------------------------------

@pytest.mark.parametrize('p', [2, 3, 4, 5])
def test_the_ring(p, seen):
    "Another sum than that of dist.all_reduce, or not the same in each process; a part that is forgotten, in sizes that p doesn't divide or that are below p"
    for cases in zip(*ended(seen[f'rings {p}']), strict=True):
        exact = {'torch.int64': 0, 'torch.float64': 1e-15*p, 'torch.float32': 2e-7*p}[cases[0]['dtype']]
        for o in cases: assert max(o['off'])<=exact, o
        for ring in (0, 1): assert len({o['bits'][ring] for o in cases})==1, cases
    assert len(ended(seen[f'rings {p}'])[0])==18

@pytest.mark.parametrize('p', [2, 3, 4, 5])
def test_the_bytes_that_are_sent(p, seen):
    "A count that isn't the formula: 2(p-1)/p of the tensor by ring, p-1 of it by rank 0"
    for cases in zip(*ended(seen[f'rings {p}']), strict=True):
        size,rings,ones = cases[0]['bytes'],[o['sent'][0] for o in cases],[o['sent'][1] for o in cases]
        assert sum(rings)==2*(p-1)*size and ones==[(p-1)*size, *[size]*(p-1)]
        if cases[0]['n']==60: assert {*rings}=={2*(p-1)*size//p}

# --- the weights --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize('p', [2, 3, 4])
def test_equal_to_one_process(p, seen):
    "Shards or batches with another weight, an order or first weights of a rank's own, a loss of one shard only, other records than those of fit"
    cases = [*zip(*ended(seen[f'equal {p}']), strict=True)]
    assert len(cases)>=10 and {o[0]['double'] for o in cases}=={True, False}
    for ranks in cases:
        assert len({o['bits'] for o in ranks})==1, ranks[0]['case']
        for o in ranks: assert o['off']<=(1e-12 if o['double'] else 1e-6) and o['loss']<=(1e-12 if o['double'] else 1e-6) and o['keys'] and o['order'], o

def test_what_breaks_it(seen):
    "Too small a number would say that this is harmless; uneven shards alone are"
    a,b = ended(seen['broken'])
    assert all(o['off']<1e-15 and o['bits']==b['uneven']['bits'] for o in (a['uneven'], b['uneven']))
    assert all(o[k]['off']>1e-2 for o in (a, b) for k in ('plain_mean', 'own_order', 'own_weights'))
    assert a['own_weights']['bits']!=b['own_weights']['bits'] and a['plain_mean']['bits']==b['plain_mean']['bits']

def test_shard():
    "Rows that are lost, or that two ranks have"
    for n in (1, 5, 64, 103):
        for p in (1, 2, 3, 7):
            parts = [D.shard(torch.arange(n), r, p) for r in range(p)]
            assert torch.cat(parts).equal(torch.arange(n)) and max(map(len, parts))-min(map(len, parts))<=1
    assert D.shard(torch.arange(5)).equal(torch.arange(5)) and D.ranks()==(0, 1)

def test_average_grads_in_one_process():
    "A .g that is replaced by another tensor, so that p.grad keeps the old one; a loss that is not given back"
    model,(x,y) = net(),rows()
    loss = model(x, y)
    model.backward()
    old = [p.g.clone() for p in model.params()]
    assert D.average_grads(model, len(x), 2*len(x), loss)==loss/2
    assert all(p.g is p.grad and torch.allclose(p.g, g/2, rtol=1e-14, atol=0) for p,g in zip(model.params(), old))

# --- what goes wrong ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize('what, here, missing', [('hang', [0, 2], 1), ('never', [0, 2], 1), ('a_batch_more', [1], 0), ('before', [1], 0), ('after', [1], 0)])
def test_a_rank_that_hangs_or_dies(what, here, missing, seen):
    "The others wait for ever, or end without saying for whom; each says it, or none"
    o = seen[what]
    said = re.findall(r'^rank (\d): TimeoutError: missing: rank ([\d, ]+);', o['err'], re.M)
    assert not o['late'] and [o['codes'][r] for r in here]==[1]*len(here) and said==[(str(here[0]), str(missing))], o

@pytest.mark.parametrize('what, said', [('backend', "no backend 'smoke' here"), ('pixel', r'data must be the same: rank 0 has \(103, 7\), SHA-256 \w+…, rank 1'), ('rows', r'rank 0 has \(103, 7\).+rank 1 has \(90, 7\)'),
    ('label', 'rank 1: logits .+ labels from 0 to 4'), ('epochs', 'epochs must be the same: rank 0 has 2, rank 1 has 3'), ('bs', 'bs 2 is less than one row for each of 3 processes'),
    ('sizes', r'model must be the same: rank 0 has .+ rank 2 has'), ('nan', 'the loss is nan in epoch 0, batch 0'), ('damaged', 'damaged is damaged, or no checkpoint')])
def test_what_is_refused(what, said, seen):
    "One rank raises the error and the others wait; three processes say the same; rank 1 says it, and rank 0 is silent"
    o = seen[f'refused {what}']
    ended(o, 1)
    line, = [l for l in o['err'].splitlines() if 'Error' in l]
    assert re.match(r'rank 0: \w+Error: .*'+said, line), line

@pytest.mark.parametrize('when, epoch', [('before', 1), ('after', 2)])
def test_killed_while_it_writes_the_checkpoint(when, epoch, seen):
    "Half a file under the name of the checkpoint; a run that goes on with other weights, order or records"
    assert seen[when]['codes']==[-signal.SIGKILL, 1] and seen[f'epochs {when}']==epoch
    (want,_),got = ended(seen['whole']),ended(seen[f'resumed {when}'])
    for o in got: assert o['bits']==want['bits'] and [e['loss'] for e in o['records']]==[e['loss'] for e in want['records']] and len(o['records'])==EPOCHS

@pytest.mark.parametrize('run', ['restarted', 'two_agents'])
def test_a_worker_is_killed_in_the_middle_of_an_epoch(run, seen):
    "torchrun --max-restarts 3: the new processes talk to nobody, begin anew, or end with other bits"
    ended(seen[run])
    assert 'exitcode: -9' in seen[run]['err']
    want = ended(seen['whole'])[0]
    for o in seen[run]['ranks']: assert o['bits']==want['bits'] and len(o['records'])==EPOCHS and o['calls']==2*(EPOCHS-2), o

# --- the command --------------------------------------------------------------------------------------------------------

def test_the_command(command, started):
    "Two processes say everything twice, or read fewer digits; weights that read other digits"
    code,out,err = command
    first,last = out.splitlines()
    assert not code and first=='784 → 100 → 10, 4 epochs, bs 128, lr 0.4 falling to 0, 2 × cpu'
    assert re.fullmatch(r'test accuracy 0\.\d{4}', last) and float(last.split()[-1])>=.973
    assert len(re.findall(r'\s0/1564 ', err))==1 and '1564/1564' in err
    o = torch.load(started[3]/'weights', weights_only=True)
    x,y = D.get_test()
    assert f"{accuracy(((x-o['mean'])/o['std']@o['w1']+o['b1']).clamp_min(0)@o['w2']+o['b2'], y):.4f}"==last.split()[-1]

def test_nothing_is_left_behind(command, seen, started):
    "A process that nobody waits for, a port that nobody else can have"
    with socket.socket() as o: assert o.connect_ex(('127.0.0.1', seen['port']))
    if not Path('/proc/self/environ').exists(): pytest.skip('no /proc: nothing says whose child a process was')
    def marked():
        for p in Path('/proc').glob('[0-9]*/environ'):
            try:
                if started[2].encode() in p.read_bytes(): yield p
            except OSError: pass
    end = time.monotonic()+5
    while (left := [*marked()]) and time.monotonic()<end: time.sleep(.05)
    assert not left

@pytest.fixture
def little():
    "Few rows in place of the digits, for the time of a test"
    x,y = torch.rand(200, 784, generator=gen()),torch.arange(200)%10
    x[torch.arange(200),y] += 3
    with mock.patch.multiple(D, get_data=lambda device: (x[:150], y[:150], x[:50], y[:50]), get_test=lambda device: (x[150:], y[150:])): yield

def test_without_torchrun(little, capsys, tmp_path):
    "It doesn't say that it is alone, or how not to be; an error after minutes of training"
    D.train(nh=16, epochs=40, checkpoint=str(tmp_path/'c'))
    first,second,last = capsys.readouterr().out.splitlines()
    assert first=='one process; for two: torchrun --nproc-per-node 2 -m mlp_foundations.distributed' and second.endswith('1 × cpu') and float(last.split()[-1])>.5
    D.train(nh=16, epochs=40, checkpoint=str(tmp_path/'c'))
    assert capsys.readouterr().out.splitlines()[-1]==last
    with pytest.raises(ValueError, match='seed must be the same: this run has 1, .+ has 0'): D.train(nh=16, epochs=40, seed=1, checkpoint=str(tmp_path/'c'))
    with mock.patch.object(D, 'fit_shared', side_effect=AssertionError('trained first')):
        for k in ('save', 'checkpoint'):
            with pytest.raises(ValueError, match='no folder'): D.train(**{k: str(tmp_path/'none'/'o')})

def test_the_step_that_was_asked_for(little, capsys):
    "--plain that is ignored"
    for plain,step in ((False, '_Fused'), (True, '_Plain')):
        with mock.patch.object(D, step, side_effect=KeyError(step)), pytest.raises(KeyError, match=step): D.train(plain=plain)

@pytest.mark.parametrize('names, os_name, want', [('lo eth0', 'posix', dict(GLOO_SOCKET_IFNAME='lo')), ('lo0 en0', 'posix', dict(GLOO_SOCKET_IFNAME='lo0')), ('ethernet_0', 'nt', dict(USE_LIBUV='0')), ('eth0', 'posix', {})])
def test_how_processes_of_one_machine_find_each_other(names, os_name, want):
    with mock.patch.object(D.socket, 'if_nameindex', lambda: [*enumerate(names.split())]), mock.patch.object(D.os, 'name', os_name): assert D._local()==want

# --- checkpoints, in one process ----------------------------------------------------------------------------------------

def fitted(path=None, model=None, x_y=None, **kw):
    model = model or net()
    return model,D.fit_shared(model, *(x_y or rows()), **(dict(generator=gen(), epochs=3, lr=.1, progress=False, checkpoint=path) | kw))

def test_a_run_that_stops_goes_on(tmp_path):
    "Epochs that are trained twice, an order that begins anew; of a finished run nothing is left to do"
    class Stop(Exception): pass
    def stops(out, targ):
        stops.calls += 1
        if stops.calls==2: raise Stop
        return out.mean() # a tensor
    for fused in (True, False):
        path,stops.calls = tmp_path/str(fused),0
        with pytest.raises(Stop): fitted(path, valid=rows(), metric=stops, fused=fused)
        (a,seen),(b,want) = (fitted(o, valid=rows(), metric=stops, fused=fused, generator=g, model=m) for o,g,m in ((path, gen(), net(seed=3)), (None, gen(), net())))
        assert bits(a)==bits(b) and [o['loss'] for o in seen]==[o['loss'] for o in want] and abs(seen[0]['stops']-float(want[0]['stops']))<1e-12
        with mock.patch.object(D._Fused if fused else D._Plain, 'grads', side_effect=AssertionError('trained')): c,again = fitted(path, valid=rows(), metric=stops, fused=fused)
        assert bits(c)==bits(b) and [o['loss'] for o in again]==[o['loss'] for o in want]

@pytest.mark.filterwarnings("ignore:Detected pickle protocol", "ignore:TypedStorage")
def test_a_damaged_checkpoint(tmp_path):
    "A bit that is flipped anywhere, and weights that nobody trained; PyTorch itself doesn't notice most of them"
    path = tmp_path/'c'
    a,_ = fitted(path)
    whole,silent = path.read_bytes(),0
    cut = [whole[:n] for n in (0, 1, 100, len(whole)//2, len(whole)-1)]
    flipped = [whole[:i]+bytes([whole[i]^(1<<i%8)])+whole[i+1:] for i in range(7, len(whole), 53)]
    for raw in (*cut, b'<html>', pickle.dumps([1]), *flipped):
        path.write_bytes(raw)
        try: b,_ = fitted(path, model=net(seed=3))
        except ValueError as e:
            assert str(e).startswith(f'{path} is damaged, or no checkpoint'), e
            continue
        assert bits(a)==bits(b) # of what nobody reads, such as a date
        silent += 1
    assert silent<len(flipped) and len(flipped)>100

def test_nothing_in_a_checkpoint_is_run(tmp_path):
    path,mark = tmp_path/'c',tmp_path/'mark'
    class Evil:
        def __reduce__(self): return open, (str(mark), 'w')
    torch.save(dict(text='', tensors=[], hash=Evil()), path)
    with pytest.raises(ValueError, match='damaged'): fitted(path)
    assert not mark.exists()
    torch.load(path, weights_only=False)['hash'].close()
    assert mark.exists() # loading it would have shown

@pytest.mark.parametrize('what, change', [('epochs', dict(epochs=4)), ('bs', dict(bs=32)), ('lr', dict(lr=.2)), ('final_lr', dict(final_lr=.05)), ('shuffle', dict(shuffle=False)), ('fused', dict(fused=False)), ('seed', dict(generator=gen(1))),
    ('seed', dict(generator=None)), ('data', dict(x_y=rows(102))), ('data', dict(valid=rows())), ('model', dict(model=Model(net().layers[:3], CrossEntropy()))), ('model', dict(model=net(dtype=torch.float32), x_y=rows(dtype=torch.float32)))])
def test_a_checkpoint_of_another_run(what, change, tmp_path):
    "Weights of other sizes or other data, a schedule that jumps"
    if what=='model' and 'x_y' in change: what = '(data|model)'
    fitted(tmp_path/'c')
    change.setdefault('model', net())
    before = bits(change['model'])
    with pytest.raises(ValueError, match=f'{what} must be the same: this run has .+, {re.escape(str(tmp_path/"c"))} has'): fitted(tmp_path/'c', **change)
    assert bits(change['model'])==before

# --- fit_shared in one process ------------------------------------------------------------------------------------------

def test_its_arguments_are_those_of_fit_fused():
    theirs,ours = (inspect.signature(f).parameters for f in (fit_fused, D.fit_shared))
    assert {k: v.default for k,v in ours.items()}=={k: v.default for k,v in theirs.items()} | dict(fused=True, checkpoint=None)
    assert [*ours][:len(theirs)]==[*theirs]

@pytest.mark.parametrize('fused', [True, False])
def test_one_process(fused):
    "Without a generator another order than fit's; no epochs that are trained; an error that trains first"
    a,b,(x,y) = net(),net(),rows()
    for f,o in ((D.fit_shared, a), (fit, b)):
        torch.manual_seed(3)
        f(o, x, y, epochs=2, lr=.1, bs=10, progress=False, **(dict(fused=fused) if o is a else {}))
    assert off(b, a)<1e-14
    before = bits(a)
    assert D.fit_shared(a, x, y, epochs=0, progress=False, fused=fused)==[] and bits(a)==before
    for kw in (dict(bs=0), dict(epochs=-1), dict(lr=-1.), dict(metric=accuracy)):
        with pytest.raises(ValueError): D.fit_shared(a, x, y, progress=False, fused=fused, **kw)
    with pytest.raises(FloatingPointError, match='epoch 0, batch 1'): D.fit_shared(a, x.index_fill(0, torch.tensor([15]), torch.inf), y, bs=10, shuffle=False, progress=False, fused=fused)
    assert all(p.isfinite().all() for p in a.params())

def test_a_layer_of_ones_own():
    "The fused step would ignore it; the plain one doesn't"
    class Leaky(Relu):
        def forward(self, inp): return inp.clamp_min(0.)+.1*inp.clamp_max(0.)
        def bwd(self, out, inp): inp.g = out.g*((inp>0)+.1*(inp<=0))
    a,b = (Model([Leaky() if isinstance(l, Relu) else l for l in net().layers], CrossEntropy()) for _ in range(2))
    with pytest.raises(TypeError, match='Leaky, which the fused step would ignore'): D.fit_shared(a, *rows(), progress=False)
    D.fit_shared(a, *rows(), epochs=1, lr=.1, generator=gen(), progress=False, fused=False)
    fit(b, *rows(), epochs=1, lr=.1, generator=gen(), progress=False)
    assert off(b, a)<1e-14

def test_the_bar(capsys):
    "None where there is one, two where there is one"
    for show in (True, False):
        fitted(progress=show)
        assert ('6/6' in capsys.readouterr().err) is show
