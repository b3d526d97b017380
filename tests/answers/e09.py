"Right answers written in another way, and wrong ones that are not edits of the solution: (answer, part of what `check` says)"
RIGHT = {
'09.1': ['''
def my_rows(n, rank, world):
    sizes = [n//world + (r<n%world) for r in range(world)]
    return sum(sizes[:rank]), sum(sizes[:rank+1])
''', '''
def my_rows(n, rank, world):
    mine = torch.arange(n).tensor_split(world)[rank]
    return (int(mine[0]), int(mine[-1])+1) if len(mine) else (n, n)
''', '''
def my_rows(n, rank, world):
    start = stop = 0
    for r in range(rank+1): start,stop = stop,stop + -(-(n-r)//world)
    return [start, stop]
''', '''
def my_rows(n, rank, world):
    def begin(r): return r*(n//world) + min(r, n%world)
    return begin(rank), begin(rank+1)
''', '''
def my_rows(n, rank, world):
    owner = sorted(i%world for i in range(n))
    return tuple(sum(o<r for o in owner) for r in (rank, rank+1))
'''],
'09.2': ['''
def unflat(flat, shapes):
    sizes = [math.prod(o) for o in shapes]
    return [t.view(o) for t,o in zip(flat.split(sizes), shapes)]
''', '''
def unflat(flat, shapes):
    if not shapes: return []
    n = math.prod(shapes[0])
    return [flat[:n].reshape(shapes[0])] + unflat(flat[n:], shapes[1:])
''', '''
def unflat(flat, shapes):
    at = 0
    for o in shapes:
        n = math.prod(o)
        yield flat.narrow(0, at, n).unflatten(0, o)
        at += n
''', '''
def unflat(flat, shapes):
    res,rest = [],flat
    for o in shapes:
        first,rest = rest.tensor_split([math.prod(o)])
        res.append(first.view(*o))
    return tuple(res)
''', '''
def unflat(flat, shapes):
    ends = torch.tensor([math.prod(o) for o in shapes]).cumsum(0).tolist()
    return [flat[e-math.prod(o):e].view(o) for e,o in zip(ends, shapes)]
'''],
'09.3': ['''
def tree_time(p, size, latency, bandwidth):
    return 2*(p-1).bit_length()*(latency + size/bandwidth)
''', '''
def tree_time(p, size, latency, bandwidth):
    if p==1: return 0.
    return 2*(latency+size/bandwidth) + tree_time((p+1)//2, size, latency, bandwidth)
''', '''
def tree_time(p, size, latency, bandwidth):
    levels = 0
    while 2**levels<p: levels += 1
    return 2*levels*latency + 2*levels*size/bandwidth
''', '''
def tree_time(p, size, latency, bandwidth):
    return tensor([2*math.ceil(math.log(p, 2)-1e-9)*(latency+size/bandwidth)]).item()
''', '''
def tree_time(p, size, latency, bandwidth):
    message = latency + size/bandwidth
    return sum(message for step in range(64) if 2**step<p for way in ('up', 'down'))
'''],
'09.4': ['''
def scatter_steps(x, steps):
    x,p = x.clone(),len(x)
    for step in range(steps):
        given = [x[r, (r-step)%p].clone() for r in range(p)]
        for r in range(p): x[(r+1)%p, (r-step)%p] += given[r]
    return x
''', '''
def scatter_steps(x, steps):
    p,r = len(x),torch.arange(len(x))
    for step in range(steps):
        moved = torch.zeros_like(x)
        moved[(r+1)%p, (r-step)%p] = x[r, (r-step)%p]
        x = x + moved
    return x
''', '''
def scatter_steps(x, steps):
    p,res = len(x),x.clone()
    for k in range(p):
        for step in range(steps): res[(k+step+1)%p, k] = res[(k+step+1)%p, k] + res[(k+step)%p, k]
    return res
''', '''
def scatter_steps(x, steps):
    rows,p = x.tolist(),len(x)
    for step in range(steps):
        old = [[*o] for o in rows]
        for r in range(p): rows[(r+1)%p][(r-step)%p] += old[r][(r-step)%p]
    return torch.tensor(rows)
''', '''
def scatter_steps(x, steps):
    if not steps: return x.clone()
    x,p = scatter_steps(x, steps-1),len(x)
    new = x.clone()
    for to in range(p):
        r = (to-1)%p
        new[to, (r-steps+1)%p] += x[r, (r-steps+1)%p]
    return new
''']}

WRONG = {
'09.1': [('''
def my_rows(n, rank, world):
    each = math.ceil(n/world)
    return min(rank*each, n), min(rank*each+each, n)
''', 'value'), ('''
def my_rows(n, rank, world): return torch.arange(n).tensor_split(world)[rank]
''', '2 values'), ('''
def my_rows(n, rank, world): return rank*(n//world), (rank+1)*(n//world)
''', 'value')],
'09.2': [('''
def unflat(flat, shapes): return [flat.view(o) for o in shapes]
''', 'RuntimeError'), ('''
def unflat(flat, shapes): return [torch.tensor(t.tolist()).view(o) for t,o in zip(flat.split([math.prod(o) for o in shapes]), shapes)]
''', 'copies'), ('''
def unflat(flat, shapes):
    for o in shapes: return [flat[:math.prod(o)].view(o)]
''', '1 values')],
'09.3': [('''
def tree_time(p, size, latency, bandwidth): return 2*(p-1)*latency + 2*(p-1)*size/bandwidth
''', 'ring'), ('''
def tree_time(p, size, latency, bandwidth):
    steps = (p-1).bit_length()
    return steps*latency + steps*size/bandwidth
''', 'Half of the way'), ('''
def tree_time(p, size, latency, bandwidth): return 2*int(math.log(p, 2))*(latency+size/bandwidth)
''', 'rounded down')],
'09.4': [('''
def scatter_steps(x, steps):
    x = x.clone()
    for step in range(steps):
        for r in range(len(x)): x[r+1, (r-step)%len(x)] += x[r, (r-step)%len(x)]
    return x
''', 'IndexError'), ('''
def scatter_steps(x, steps):
    for step in range(steps):
        old,r = x.clone(),torch.arange(len(x))
        x = x.clone()
        x[(r+1)%len(x), (r-step)%len(x)] = old[r, (r-step)%len(x)]
    return x
''', 'replaces'), ('''
def scatter_steps(x, steps):
    x = x.clone()
    for step in range(steps):
        for r in range(len(x)): x[(r+1)%len(x), (r-step)%len(x)] += x[r, (r-step)%len(x)]
''', 'None')]}
