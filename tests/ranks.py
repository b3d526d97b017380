"""Groups of processes for test_distributed.py, which reads what this program prints, as JSON. It imports torch once and forks each group,
with a store and with settings as torchrun's agent gives them; where there is no fork (Windows), or where it is unsafe (macOS), they are spawned."""
import itertools, json, math, multiprocessing, os, shutil, signal, socket, sys, tempfile, time
from pathlib import Path
from unittest import mock

import torch
import torch.distributed as dist
from torch.distributed import run
from mlp_foundations import distributed as D
from mlp_foundations.layers import Lin, Model, Mse, Relu
from mlp_foundations.training import CrossEntropy, accuracy, fit

ctx = multiprocessing.get_context('fork' if sys.platform=='linux' else 'spawn')
lives = itertools.count()

# --- nets and rows ------------------------------------------------------------------------------------------------------

def gen(seed=0): return torch.Generator().manual_seed(seed)
def rows(n=103, loss=CrossEntropy, dtype=torch.float64):
    return torch.randn(n, 7, generator=gen(5), dtype=dtype), torch.randn(n, generator=gen(6), dtype=dtype) if loss is Mse else torch.arange(n)%4
def net(loss=CrossEntropy, dtype=torch.float64, seed=0):
    sizes,layers = (7, 9, 5, 1 if loss is Mse else 4),[]
    for i,(p,q) in enumerate(zip(sizes, sizes[1:])):
        w = torch.randn(p, q, generator=gen(seed+i), dtype=dtype)/p**.5
        layers += [Lin(w if i else w.t().contiguous().t(), torch.randn(q, generator=gen(seed+i+9), dtype=dtype)), Relu()]
    return Model(layers[:-1], loss())
def off(a, b): return max(((p-q).norm()/p.norm()).item() for p,q in zip(a.params(), b.params()))
def bits(model): return D._hash('', *model.params())

# --- groups -------------------------------------------------------------------------------------------------------------

def child(conn, err, env, f, args):
    os.environ.update(env)
    torch.set_num_threads(1)
    os.dup2(os.open(err, os.O_WRONLY|os.O_APPEND|os.O_CREAT), 2)
    conn.send(f(*args))

def begin(err, f, *args, stuck=False, **env):
    "A process that calls `f(*args)`; where it will say what it returned; whether `finish` has to kill it"
    here,there = ctx.Pipe(duplex=False)
    p = ctx.Process(target=child, args=(there, err, {k: str(v) for k,v in env.items()}, f, args))
    p.start()
    there.close()
    return p,here,stuck

def start(world, f, *args, stuck=()):
    "A group whose processes call `f(*args)`; `finish` kills those in `stuck` after the others have ended"
    err,env = new_file(),dict(WORLD_SIZE=world, LOCAL_WORLD_SIZE=world, MASTER_ADDR='127.0.0.1', MASTER_PORT=port, TORCHELASTIC_RESTART_COUNT=next(lives), TORCHELASTIC_USE_AGENT_STORE=True)
    return [begin(err, f, *args, stuck=r in stuck, RANK=r, LOCAL_RANK=r, **env) for r in range(world)],err

def agents(folder, *options, n=1, **env):
    "`n` of torchrun's agents, which start this program"
    Path(folder).mkdir()
    err,args = new_file(),['--max-restarts', '3', '--monitor-interval', '.1', *options, __file__, folder]
    return [begin(err, run.main, args, OMP_NUM_THREADS=1, **env) for _ in range(n)],err

def new_file():
    path = Path(tempfile.mkdtemp())/'err'
    path.touch()
    return path

def finish(ps, err, seconds=30):
    "What they returned, their exit codes, who had not ended in time, what all wrote to stderr"
    end = time.monotonic()+seconds
    for p,_,stuck in ps:
        if not stuck: p.join(max(0, end-time.monotonic()))
    late = [r for r,(p,_,stuck) in enumerate(ps) if p.is_alive() and not stuck]
    for p,*_ in ps: p.kill(), p.join()
    def got(conn):
        try: return conn.recv()
        except EOFError: return None
    said = err.read_text()
    shutil.rmtree(err.parent)
    return dict(codes=[p.exitcode for p,*_ in ps], results=[got(o) for _,o,_ in ps], late=late, err=said)

def group(*args, **kw): return finish(*start(*args, **kw))

def fit_in(timeout, x, y, model=None, **kw):
    "`fit_shared` in a group; the bits of the weights"
    with D._group('gloo', 'cpu', timeout):
        model = model or net()
        seen = D.fit_shared(model, x, y, **(dict(progress=False, generator=gen()) | kw))
        return dict(bits=bits(model), records=seen)

# --- what the groups do -------------------------------------------------------------------------------------------------

def rings():
    "The largest difference from dist.all_reduce, and the bytes that were sent, for odd sizes"
    with D._group('gloo', 'cpu', 20):
        r,out = D.ranks()[0],[]
        for n in (1, 2, 3, 7, 60, 1001):
            for dtype in (torch.float32, torch.float64, torch.int64):
                t = (torch.randn(n, generator=gen(r))*1000).to(dtype)
                ring,one,want = t.clone(),t.clone(),t.clone()
                sent = D.ring_all_reduce(ring),D.all_to_one(one)
                dist.all_reduce(want)
                size = want.abs().max().item() or 1
                out.append(dict(n=n, dtype=str(dtype), bytes=t.nbytes, sent=sent, off=[((o-want).abs().max()/size).item() for o in (ring, one)],
                    bits=[D._hash('', ring), D._hash('', one)]))
        return out

def equal():
    "Differences from `fit` in one process: uneven shards, a short last batch, one of fewer rows than there are processes"
    with D._group('gloo', 'cpu', 20):
        out,r = [],D.ranks()[0]
        for i,(n,loss,dtype,fused,shuffle) in enumerate(itertools.product((103, 97), (CrossEntropy, Mse), (torch.float64, torch.float32), (True, False), (True, False))):
            if i%3!=D.ranks()[1]%3: continue     # each case in one of the groups of 2, 3 and 4
            (x,y),a,b = rows(n, loss, dtype),net(loss, dtype, seed=r),net(loss, dtype) # the first weights and the order are those of rank 0
            kw = dict(valid=(x, y), epochs=2 if dtype==torch.float64 else 1, lr=.1, bs=16, shuffle=shuffle, progress=False)
            if loss is CrossEntropy: kw['metric'] = accuracy
            g,h = gen(3+r),gen(3)
            seen,want = D.fit_shared(a, x, y, **kw, fused=fused, generator=g),fit(b, x, y, **kw, generator=h)
            keys = [o.keys()==p.keys() for o,p in zip(seen, want)]
            out.append(dict(case=str((n, loss.__name__, dtype, fused, shuffle)), double=dtype==torch.float64, off=off(b, a), bits=bits(a), keys=all(keys) and len(keys)==kw['epochs'],
                loss=max(abs(o[k]-p[k])/abs(p[k]) for o,p in zip(seen, want) for k in o if k not in ('seconds', 'epoch')), order=bool(g.get_state().equal(h.get_state()))))
        return out

def broken():
    "Relative differences from one process where one thing is wrong"
    with D._group('gloo', 'cpu', 20):
        (r,world),out,(x,y),kw = D.ranks(),{},rows(),dict(bs=17, epochs=1, lr=.1, progress=False)
        def uneven(rows, *_): return rows[:3] if not r else rows[3:]
        def own(n, bs, shuffle, g, device): return shards(n, bs, shuffle, gen(r), device)
        def mean(model, k, total, loss=0.): return average(model, 1, world, loss)
        shards,average = D._shards,D.average_grads
        patches = dict(uneven=dict(shard=uneven), plain_mean=dict(shard=uneven, average_grads=mean), own_order=dict(_shards=own), own_weights=dict(share=lambda model: None))
        for name,o in patches.items():
            a,b = net(seed=r if name=='own_weights' else 0),net()
            with mock.patch.multiple(D, **o): D.fit_shared(a, x, y, **kw, fused=False, generator=gen())
            fit(b, x, y, **kw, generator=gen())
            out[name] = dict(off=off(b, a), bits=bits(a))
        return out

def hang(epoch, timeout):
    "Rank 1 sleeps in the middle of the training"
    def seen(out, targ):
        seen.calls += 1
        if D.ranks()[0]==1 and seen.calls==epoch: time.sleep(60)
        return 0.
    seen.calls = 0
    return fit_in(timeout, *rows(), valid=rows(), metric=seen)

def never(timeout):
    "Rank 1 does not even come"
    if os.environ['RANK']=='1': time.sleep(60)
    return fit_in(timeout, *rows())

def a_batch_more(timeout):
    "Rank 1 has one more than the others, which do something else"
    with D._group('gloo', 'cpu', timeout):
        (r,_),model,(x,y) = D.ranks(),net(),rows()
        for _ in range(3 if r==1 else 2):
            model(x, y)
            model.backward()
            D.average_grads(model, len(x), 2*len(x))
        if r!=1: time.sleep(60)

def refused(what, damaged):
    r,(x,y),kw = int(os.environ['RANK']),rows(),{}
    if what=='backend':
        with D._group('smoke', 'cpu', 20): return
    if what=='pixel' and r==1: x[50,3] += 1e-9
    if what=='label' and r==1: y[50] = 4
    if what=='rows' and r==1: x,y = x[:90],y[:90]
    if what=='epochs': kw['epochs'] = 2+r
    if what=='bs': kw['bs'] = 2
    if what=='sizes' and r==2: kw['model'] = Model([Lin(torch.zeros(7, 4).double(), torch.zeros(4).double())], CrossEntropy())
    if what=='nan': x[60] = math.nan
    if what=='damaged': kw['checkpoint'] = damaged
    return fit_in(20, x, y, **kw)

def killed(path, when):
    "Rank 0 dies while it writes the checkpoint after the second epoch: before or after the file has its name"
    real,calls = os.replace,itertools.count(1)
    def replace(*args):
        if next(calls)==2:
            if when=='after': real(*args)
            os.kill(os.getpid(), signal.SIGKILL)
        real(*args)
    with mock.patch.object(os, 'replace', replace): return fit_in(3, *rows(), checkpoint=path)

def resumed(path, fused=True): return fit_in(20, *rows(), checkpoint=path, fused=fused)

def main(folder):
    damaged,paths = Path(folder)/'damaged',{o: str(Path(folder)/o) for o in ('before', 'after')}
    damaged.write_bytes(b'PK\x03\x04')
    with socket.socket() as o:
        o.bind(('127.0.0.1', 0))
        free = o.getsockname()[1]
    several = ['--nnodes', '2', '--nproc-per-node', '1', '--rdzv-backend', 'c10d', '--rdzv-id', 'test', '--rdzv-endpoint', f'localhost:{free}']
    runs = dict(restarted=agents(f'{folder}/one', '--nproc-per-node', '2'), two_agents=agents(f'{folder}/two', *several, n=2, TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1))
    waiting = dict(hang=start(3, hang, 2, 2., stuck=[1]), never=start(3, never, 2., stuck=[1]), a_batch_more=start(2, a_batch_more, 2., stuck=[0])) # these sleep most of the time
    waiting |= {o: start(2, killed, path, o, stuck=[0]) for o,path in paths.items()}
    waiting |= {f'refused {o}': start(3, refused, o, str(damaged)) for o in ('backend', 'pixel', 'label', 'rows', 'epochs', 'bs', 'sizes', 'nan', 'damaged')}
    out = dict(port=free, whole=group(2, resumed, None), broken=group(2, broken))
    out |= {f'rings {p}': group(p, rings) for p in (2, 3, 4, 5)} | {f'equal {p}': group(p, equal) for p in (2, 3, 4)}
    out |= {k: finish(*o) for k,o in (waiting|runs).items()}
    out |= {f'epochs {o}': len(json.loads(torch.load(path, weights_only=True)['text'])[1]) for o,path in paths.items()}
    out |= {f'resumed {o}': group(2, resumed, path) for o,path in paths.items()}
    for k,o in (('restarted', 'one'), ('two_agents', 'two')): out[k]['ranks'] = [json.loads((Path(folder)/o/f'rank {r}').read_text()) for r in range(2)]
    return out

def worker(folder):
    "What torchrun starts: rank 1 kills itself in the middle of the third epoch, in its first life"
    mark,real,calls = Path(folder)/'killed',D._Fused.grads,itertools.count(1)
    def grads(*args):
        if next(calls)==6 and os.environ['RANK']=='1' and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args)
    with mock.patch.object(D._Fused, 'grads', grads): seen = fit_in(20, *rows(), checkpoint=str(Path(folder)/'checkpoint'))
    (Path(folder)/f'rank {os.environ["RANK"]}').write_text(json.dumps(seen | dict(calls=next(calls)-1)))

def serve(conn, parent):
    "The store, in a process of its own: to fork from one that has threads is not safe"
    here = dist.TCPStore('127.0.0.1', 0, is_master=True, wait_for_workers=False)
    conn.send(here.port)
    while os.getppid()==parent: time.sleep(.2)

if __name__=='__main__' and 'RANK' in os.environ: worker(sys.argv[1])
elif __name__=='__main__':
    conn,there = ctx.Pipe()
    server = ctx.Process(target=serve, args=(there, os.getpid()), daemon=True)
    server.start()
    port = conn.recv()
    print(json.dumps(main(sys.argv[1])))
