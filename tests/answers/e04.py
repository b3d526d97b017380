"Answers to the exercises of lesson 04: right ones, written another way, and wrong ones with a part of what they must be told."

RIGHT = {
    '04.1': [
        'def sigmoid_grad(inp, out): inp.g = (out - out*out) * out.g',
        'def sigmoid_grad(inp, out): inp.g = out.g * out - out.g * out**2',
        'def sigmoid_grad(inp, out): inp.g = torch.addcmul(torch.zeros_like(out), out.g, out.sub(out.square()))',
        'def sigmoid_grad(inp, out): inp.g = torch.einsum("...,...,...->...", out.g, out, 1-out)',
        '''
def sigmoid_grad(inp, out):
    g = torch.zeros(inp.shape).flatten()
    for i,(s,up) in enumerate(zip(out.flatten(), out.g.flatten())): g[i] = up*s*(1-s)
    inp.g = g.view(inp.shape)
'''],
    '04.2': [
        'def mae_grad(inp, targ): inp.g = torch.sign(inp - targ.view(-1, 1)) / inp.shape[0]',
        'def mae_grad(inp, targ): inp.g = ((inp[:,0]>targ).float() - (inp[:,0]<targ).float())[:,None] / len(inp)',
        '''
def mae_grad(inp, targ):
    inp.g = torch.zeros_like(inp)
    for i in range(len(targ)):
        if inp[i,0] > targ[i]: inp.g[i,0] = 1/len(targ)
        if inp[i,0] < targ[i]: inp.g[i,0] = -1/len(targ)
''',
        '''
def mae_grad(inp, targ):
    z = inp.clone().requires_grad_()
    inp.g, = torch.autograd.grad((z.squeeze(1)-targ).abs().mean(), z)
''',
        '''
def mae_grad(inp, targ):
    d = inp.flatten() - targ
    inp.g = torch.where(d==0, 0., d/d.abs()).unsqueeze(1).div(d.numel())
'''],
    '04.3': [
        '''
def w_grad_blocks(inp, out_g, rows):
    return sum(torch.einsum('ij,ik->jk', a, b) for a,b in zip(inp.split(rows), out_g.split(rows)))
''',
        '''
def w_grad_blocks(inp, out_g, rows):
    res = torch.zeros(inp.shape[1], out_g.shape[1])
    for a,b in zip(inp.split(rows), out_g.split(rows)): res += a.t() @ b
    return res
''',
        '''
def w_grad_blocks(inp, out_g, rows):
    res, i = torch.zeros(inp.shape[1], out_g.shape[1]), 0
    while i < len(inp):
        for k in range(i, min(i+rows, len(inp))): res += torch.outer(inp[k], out_g[k])
        i += rows
    return res
''',
        '''
def w_grad_blocks(inp, out_g, rows):
    blocks = range((len(inp)+rows-1) // rows)
    return torch.stack([inp[k*rows:(k+1)*rows].t() @ out_g[k*rows:(k+1)*rows] for k in blocks]).sum(0)
''',
        '''
def w_grad_blocks(inp, out_g, rows):
    if len(inp) <= rows: return torch.einsum('ij,ik->jk', inp, out_g)
    return torch.einsum('ij,ik->jk', inp[:rows], out_g[:rows]) + w_grad_blocks(inp[rows:], out_g[rows:], rows)
'''],
    '04.4': [
        '''
def forward_and_backward3(inp, targ, w1, b1, w2, b2, w3, b3):
    l2 = relu(l1 := lin(inp, w1, b1))
    l4 = relu(l3 := lin(l2, w2, b2))
    loss = mse(out := lin(l4, w3, b3), targ)
    mse_grad(out, targ); lin_grad(l4, out, w3, b3); relu_grad(l3, l4)
    lin_grad(l2, l3, w2, b2); relu_grad(l1, l2); lin_grad(inp, l1, w1, b1)
    return loss
''',
        '''
def forward_and_backward3(inp, targ, w1, b1, w2, b2, w3, b3):
    ls = [inp]
    for w,b in ((w1, b1), (w2, b2), (w3, b3)): ls += [z := ls[-1]@w + b, z.clamp(min=0)]
    x, l1, l2, l3, l4, out, _ = ls
    out.g = 2 * (out-targ[:,None]) / len(targ)
    for i,o,w,b in ((l4, out, w3, b3), (l2, l3, w2, b2), (x, l1, w1, b1)):
        i.g, w.g, b.g = o.g @ w.t(), i.t() @ o.g, o.g.sum(0)
        if i is l4: l3.g = l4.g * (l3>0)
        if i is l2: l1.g = l2.g * (l1>0)
    return (out[:,0]-targ).square().mean()
''',
        '''
def forward_and_backward3(inp, targ, w1, b1, w2, b2, w3, b3):
    model = Model([Lin(w1, b1), Relu(), Lin(w2, b2), Relu(), Lin(w3, b3)], Mse())
    loss = model(inp, targ)
    model.backward()
    return loss
''',
        '''
def forward_and_backward3(inp, targ, *ps):
    ts = [o.clone().requires_grad_() for o in (inp, *ps)]
    z, w1, b1, w2, b2, w3, b3 = ts
    loss = ((((z@w1+b1).relu() @ w2+b2).relu() @ w3+b3).flatten() - targ).pow(2).mean()
    loss.backward()
    for o,t in zip((inp, *ps), ts): o.g = t.grad
    return loss.item()
''',
        '''
def forward_and_backward3(inp, targ, w1, b1, w2, b2, w3, b3):
    def layer(x, w, b, rest):
        z = lin(x, w, b)
        loss = rest(z)
        lin_grad(x, z, w, b)
        return loss
    def hidden(w, b, rest):
        def f(z):
            a = relu(z)
            loss = layer(a, w, b, rest)
            relu_grad(z, a)
            return loss
        return f
    def last(z):
        mse_grad(z, targ)
        return mse(z, targ)
    return layer(inp, w1, b1, hidden(w2, b2, hidden(w3, b3, last)))
'''],
    '04.5': [
        'def shortcut_grad(inp, out): inp.g = out.g * (1 + (inp>0).float())',
        'def shortcut_grad(inp, out): inp.g = torch.where(inp>0, 2*out.g, out.g)',
        '''
def shortcut_grad(inp, out):
    relu_grad(inp, out)
    inp.g = inp.g + out.g
''',
        '''
def shortcut_grad(inp, out):
    inp.g = out.g.clone()
    inp.g[inp>0] *= 2
''',
        '''
def shortcut_grad(inp, out):
    z = inp.clone().requires_grad_()
    inp.g, = torch.autograd.grad(z.relu()+z, z, out.g)
''']}

WRONG = {
    '04.1': [
        ('def sigmoid_grad(inp, out): inp.g = out.g * inp.neg().exp_() * out**2', 'computed again'),
        ('def sigmoid_grad(inp, out): inp.g = out.g * torch.special.expit(inp) * (1-out)', 'computed again'),
        ('def sigmoid_grad(inp, out): inp.g = out.g * (1 - inp.div(2).tanh_()**2) / 4', 'computed again'),
        ('def sigmoid_grad(inp, out): inp.g = out.g * inp.clone().sigmoid_() * (1-out)', 'computed again'),
        ('def sigmoid_grad(inp, out): return out.g * out * (1-out)', 'stored in `inp.g`'),
        ('def sigmoid_grad(inp, out): inp.g = out.g * out * (out-1)', 'sign'),
        ('def sigmoid_grad(inp, out): inp.g = out.g * torch.exp(-inp) / (1+torch.exp(-inp))**2', 'computed again'),
        ('def sigmoid_grad(inp, out): inp.grad = out.g * out * (1-out)', 'stored in `inp.g`'),
        ('def sigmoid_grad(inp, out): inp.g = out - out*out', 'upstream gradient'),
        ('def sigmoid_grad(inp, out): inp.g = out.grad * out * (1-out)', 'raises TypeError')],
    '04.2': [
        ('def mae_grad(inp, targ): inp.g = torch.sign(targ[:,None] - inp) / len(targ)', 'sign'),
        ('def mae_grad(inp, targ): inp.g = torch.sign(inp[:,0] - targ) / len(targ)', 'shape'),
        ('def mae_grad(inp, targ): inp.g = (inp - targ[:,None]).abs() / len(targ)', 'not its slope'),
        ('def mae_grad(inp, targ): return torch.sign(inp - targ[:,None]) / len(targ)', 'Nothing is stored')],
    '04.3': [
        ('def w_grad_blocks(inp, out_g, rows): return inp.t() @ out_g', 'all rows'),
        ("def w_grad_blocks(inp, out_g, rows): return torch.einsum('ij,ik->jk', inp, out_g)", 'all rows'),
        ('def w_grad_blocks(inp, out_g, rows): return (inp[:,:,None]*out_g[:,None]).sum(0)', 'all rows'),
        ('''
def w_grad_blocks(inp, out_g, rows):
    res = torch.zeros(inp.shape[1], out_g.shape[1])
    for i in range(len(inp)//rows): res += inp[i*rows:(i+1)*rows].t() @ out_g[i*rows:(i+1)*rows]
    return res
''', 'last block'),
        ('''
def w_grad_blocks(inp, out_g, rows):
    res = torch.zeros(out_g.shape[1], inp.shape[1])
    for i in range(0, len(inp), rows): res += out_g[i:i+rows].t() @ inp[i:i+rows]
    return res
''', 'transposed'),
        ('''
def w_grad_blocks(inp, out_g, rows):
    res = torch.zeros(inp.shape[1], out_g.shape[1])
    for i in range(0, len(inp), rows): res += inp[i:i+rows].t() @ out_g[i:i+rows]
''', 'return'),
        ('''
def w_grad_blocks(inp, out_g, rows):
    for i in range(0, len(inp), rows): res = inp[i:i+rows].t() @ out_g[i:i+rows]
    return res
''', 'must be added up')],
    '04.4': [
        ('''
def forward_and_backward3(inp, targ, w1, b1, w2, b2, w3, b3):
    out = lin(relu(lin(relu(lin(inp, w1, b1)), w2, b2)), w3, b3)
    return mse(out, targ)
''', 'w3.g'),
        ('''
def forward_and_backward3(inp, targ, w1, b1, w2, b2, w3, b3):
    l1 = lin(inp, w1, b1); l2 = relu(l1); l3 = lin(l2, w2, b2); l4 = relu(l3); out = lin(l4, w3, b3)
    mse_grad(out, targ); lin_grad(l4, out, w3, b3); relu_grad(l3, l4)
    lin_grad(l2, l3, w2, b2); relu_grad(l1, l2); lin_grad(inp, l1, w1, b1)
''', 'None'),
        ('''
def forward_and_backward3(inp, targ, w1, b1, w2, b2, w3, b3):
    l1 = lin(inp, w1, b1); l2 = relu(l1); l3 = lin(l2, w2, b2); l4 = relu(l3); out = lin(l4, w3, b3)
    mse_grad(out, targ); lin_grad(l4, out, w3, b3); l3.g = l4.g * 1
    lin_grad(l2, l3, w2, b2); relu_grad(l1, l2); lin_grad(inp, l1, w1, b1)
    return mse(out, targ)
''', 'second ReLU')],
    '04.5': [
        ('def shortcut_grad(inp, out): relu_grad(inp, out)', 'direct way'),
        ('def shortcut_grad(inp, out): inp.g = torch.where(inp>0, 2., 1.)', 'pstream gradient'),
        ('def shortcut_grad(inp, out): return torch.where(inp>0, 2*out.g, out.g)', 'stored in `inp.g`'),
        ('def shortcut_grad(inp, out): inp.g = out.g[:,0] * (inp>0) + out.g[:,0]', 'raises IndexError'),
        ('def shortcut_grad(inp, out): inp.g = -out.g * (inp>0) - out.g', 'sign')]}
