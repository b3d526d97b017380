"Right answers written in another way, and wrong ones that are not edits of the solution: (answer, part of what `check` says)"
RIGHT = {
'00.1': ['''
def idx_size(dims):
    n = 1
    for d in dims: n = n*d
    return 4 + 4*len(dims) + n
''', '''
def idx_size(dims): return 4*(1+len(dims)) + tensor(dims).prod()
''', '''
def idx_size(dims):
    header = bytes([0, 0, 8, len(dims)])
    for d in dims: header += d.to_bytes(4, 'big')
    return len(header) + torch.empty(dims).numel()
''', '''
def idx_size(dims):
    from functools import reduce
    return sum(4 for _ in (0, *dims)) + reduce(lambda a, b: a*b, dims)
''', '''
def idx_size(dims):
    size = 4
    for _ in dims: size += 4
    return size + int(torch.ones(dims).sum())
'''],
'00.2': ['''
def ink_box(im):
    ink = im>0
    if not ink.any(): return 0, 0, 0, 0
    rows,cols = ink.any(1).nonzero()[:,0],ink.any(0).nonzero()[:,0]
    return int(rows[0]), int(cols[0]), int(rows[-1]-rows[0]+1), int(cols[-1]-cols[0]+1)
''', '''
def ink_box(im):
    at = [(i, j) for i in range(im.shape[0]) for j in range(im.shape[1]) if im[i,j]>0]
    if not at: return (0, 0, 0, 0)
    rows,cols = zip(*at)
    return min(rows), min(cols), max(rows)-min(rows)+1, max(cols)-min(cols)+1
''', '''
def ink_box(im):
    i,j = torch.where(im>0)
    if i.numel()==0: return [0, 0, 0, 0]
    return [i.min(), j.min(), i.max()-i.min()+1, j.max()-j.min()+1]
''', '''
def ink_box(im):
    top,left,(h, w) = 0,0,im.shape
    while h and im[top].max()<=0: top,h = top+1,h-1
    if not h: return 0, 0, 0, 0
    while im[top+h-1].max()<=0: h -= 1
    while im[:,left].max()<=0: left,w = left+1,w-1
    while im[:,left+w-1].max()<=0: w -= 1
    return top, left, h, w
''', '''
def ink_box(im):
    res = []
    for axis in (1, 0):
        has = im.gt(0).any(axis).int()
        if not has.any(): return 0, 0, 0, 0
        first,after = has.argmax(),len(has)-has.flip(0).argmax()
        res.append((first.item(), (after-first).item()))
    (r, h),(c, w) = res
    return r, c, h, w
'''],
'00.3': ['''
def allclose_blind(b): return (1e-8 + 1e-5*b) / b
''', '''
def allclose_blind(b, rtol=1e-5, atol=1e-8):
    error = atol + rtol*abs(b)
    return error/abs(b)
''', '''
def allclose_blind(b): return tensor(1e-8, dtype=torch.float64)/b + 1e-5
''', '''
def allclose_blind(b):
    a = b + 1e-8 + 1e-5*b
    return a/b - 1
''', '''
def allclose_blind(b):
    low,high = 0.,1000.
    true = tensor(b, dtype=torch.float64)
    for _ in range(60):
        middle = (low+high)/2
        if torch.allclose(true*(1+middle), true): low = middle
        else: high = middle
    return high
'''],
'00.4': ['''
def is_faulty(x, m, s, limit): return bool(normalize(x, m, s).mean().abs()>limit)
''', '''
def is_faulty(x, m, s, limit): return not -limit <= (x.mean()-m)/s <= limit
''', '''
def is_faulty(x, m, s, limit):
    total = 0.
    for v in x.flatten().tolist(): total += (v-m)/s
    return abs(total/x.numel())>limit
''', '''
def is_faulty(x, m, s, limit): return (x.mean()-m)**2 > (limit*s)**2
''', '''
def is_faulty(x, m, s, limit):
    z = x.sub(m).div(s).sum()/x.numel()
    if z>limit or z<-limit: return True
    return False
''']}
WRONG = {
'00.1': [('''
def idx_size(dims):
    size = 1
    for d in dims: size *= d
    size = size+4+4*len(dims)
''', 'is a `return` missing?'), ('''
def idx_size(dims): return torch.zeros(dims).numel()
''', 'The header is missing'), ('''
def idx_size(dims):
    size = 4
    for d in dims: size += 4+d
    return size
''', 'The values are multiplied'), ('''
def idx_size(dims):
    n = 1
    for d in dims: n = n*d
    return float(4 + 4*len(dims) + n)
''', 'a whole number is asked for')],
'00.2': [('''
def ink_box(im):
    rows = [i for i in range(im.shape[0]) if im[i].sum()>0]
    cols = [j for j in range(im.shape[1]) if im[:,j].sum()>0]
    if rows==[]: return 0, 0, 0, 0
    return rows[0], cols[0], len(rows), len(cols)
''', 'Only rows and columns with ink are counted'), ('''
def ink_box(im):
    i,j = torch.where(im>0)
    if i.numel()==0: return 0, 0, 0, 0
    return i.min(), j.min(), i.max(), j.max()
''', 'the last row and column'), ('''
def ink_box(im):
    ink = im>0
    rows,cols = ink.any(0).nonzero()[:,0],ink.any(1).nonzero()[:,0]
    if len(rows)==0: return 0, 0, 0, 0
    return rows[0], cols[0], rows[-1]-rows[0]+1, cols[-1]-cols[0]+1
''', 'Rows and columns are exchanged'), ('''
def ink_box(im):
    i,j = torch.where(im>0)
    return i.min().item(), j.min().item(), (i.max()-i.min()+1).item(), (j.max()-j.min()+1).item()
''', 'That is line 3 of `ink_box`')],
'00.3': [('''
def allclose_blind(b): return 100*(1e-8+1e-5*b)/b
''', '100 times the right one'), ('''
def allclose_blind(b, rtol=1e-5, atol=1e-8): return atol + rtol*abs(b)
''', 'the error itself'), ('''
def allclose_blind(b):
    if 1e-8>1e-5*b: return 1e-8/b
    return 1e-5
''', 'adds the two')],
'00.4': [('''
def is_faulty(x, m, s, limit): return normalize(x, m, s).mean().abs()
''', 'where bool is asked for'), ('''
def is_faulty(x, m, s, limit):
    z = (x-x.mean())/x.std()
    return bool(z.mean().abs()>limit)
''', 'normalised by its own mean'), ('''
def is_faulty(x, m, s, limit):
    for v in x.flatten().tolist():
        if abs(v-m)/s>limit: return True
    return False
''', 'looks at single pixels'), ('''
def is_faulty(x, m, s, limit):
    if normalize(x, m, s).mean()>limit: return True
    return False
''', 'A pale pile')]}
