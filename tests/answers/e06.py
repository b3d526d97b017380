"Right and wrong answers to the exercises of lesson 06, none of them an edit of ours"

RIGHT = {
'06.1': ['''
def n_params(net):
    n = 0
    for p in net.parameters(): n += p.nelement()
    return n
''', '''
def n_params(net): return sum(math.prod(p.shape) for _,p in net.named_parameters())
''', '''
def n_params(net):
    seen = {}
    for m in net.modules():
        for p in m.parameters(): seen[id(p)] = p.numel()
    return sum(seen.values())
''', '''
def n_params(net): return len(torch.cat([p.detach().flatten() for p in net.parameters()]))
''', '''
def n_params(net):
    seen,todo = {},[net]
    while todo:
        m = todo.pop()
        todo += m.children()
        seen |= {id(p): p.numel() for p in (getattr(m, 'weight', None), getattr(m, 'bias', None)) if p is not None}
    return sum(seen.values())
'''],
'06.2': ['''
class Leaky(torch.autograd.Function):
    @staticmethod
    def forward(ctx, inp, a):
        ctx.save_for_backward(inp)
        ctx.a = a
        return relu(inp) - a*relu(-inp)
    @staticmethod
    def backward(ctx, g):
        z, = ctx.saved_tensors
        return g*((z>0)+ctx.a*(z<=0)), None
def leaky_relu_fn(inp, a=.1): return Leaky.apply(inp, a)
''', '''
class Leaky(torch.autograd.Function):
    @staticmethod
    def forward(ctx, inp, a):
        ctx.save_for_backward(inp)
        ctx.a = a
        return torch.nn.functional.leaky_relu(inp, a)
    @staticmethod
    def backward(ctx, g):
        z, = ctx.saved_tensors
        return g.masked_fill(z<=0, 0.)+ctx.a*g.masked_fill(z>0, 0.), None
def leaky_relu_fn(inp, a=.1): return Leaky.apply(inp, a)
''', '''
class Leaky(torch.autograd.Function):
    @staticmethod
    def forward(ctx, inp, a):
        ctx.save_for_backward(inp>0)
        ctx.a = a
        return inp*(inp>0)+a*inp*(inp<=0)
    @staticmethod
    def backward(ctx, g):
        z, = ctx.saved_tensors
        return torch.where(z, g, ctx.a*g), None
def leaky_relu_fn(inp, a=.1): return Leaky.apply(inp, a)
''', '''
class Leaky(torch.autograd.Function):
    @staticmethod
    def forward(ctx, inp, a):
        ctx.save_for_backward(torch.where(inp>0, 1., a))
        ctx.a = a
        return torch.where(inp>0, 1., a)*inp
    @staticmethod
    def backward(ctx, g):
        z, = ctx.saved_tensors
        return z*g, None
def leaky_relu_fn(inp, a=.1): return Leaky.apply(inp, a)
''', '''
def leaky_relu_fn(inp, a=.1):
    class Leaky(torch.autograd.Function):
        @staticmethod
        def forward(ctx, inp):
            out = inp.clone()
            out[inp<=0] *= a
            ctx.save_for_backward((inp>0).float())
            return out
        @staticmethod
        def backward(ctx, g): return g*(a+(1-a)*ctx.saved_tensors[0])
    return Leaky.apply(inp)
'''],
'06.3': ['''
class ModuleList(nn.Module):
    def __init__(self, modules):
        for i,o in enumerate(modules): setattr(self, str(i), o)
    def append(self, module):
        setattr(self, str(len(self)), module)
    def __len__(self): return len(self._children)
    def __getitem__(self, i): return list(self._children.values())[i]
''', '''
class ModuleList(nn.Module):
    def __init__(self, modules):
        for o in modules: self.append(o)
    def append(self, module):
        setattr(self, f'{len(self)}', module)
    def __len__(self): return len(self._children)
    def __getitem__(self, i): return [*self._children.values()][i]
''', '''
class ModuleList(nn.Module):
    def __init__(self, modules):
        [self.append(o) for o in modules]
    def append(self, module):
        self.__setattr__(str(len(self._children)), module)
    def __len__(self): return len(self._children)
    def __getitem__(self, i): return getattr(self, str(i%len(self)) if i<len(self) else self._end(i))
    def _end(self, i): raise IndexError(i)
''', '''
class ModuleList(nn.Module):
    def __init__(self, modules):
        self.items = list(modules)
        for i,o in enumerate(self.items): setattr(self, str(i), o)
    def append(self, module):
        self.items.append(module)
        setattr(self, str(len(self.items)-1), module)
    def __len__(self): return len(self.items)
    def __getitem__(self, i): return self.items[i]
    def __iter__(self): return iter(self.items)
''', '''
class ModuleList(nn.Sequential):
    def __init__(self, modules): super().__init__(*modules)
    def append(self, module): setattr(self, str(len(self)), module)
'''],
'06.4': ['''
def freeze(net, prefix):
    ps = [p for k,p in net.named_parameters() if k.startswith(prefix)]
    for p in ps: p.requires_grad_(False)
    return sum(p.numel() for p in ps)
''', '''
def freeze(net, prefix):
    before = sum(p.numel() for p in net.parameters() if p.requires_grad)
    for k,p in net.named_parameters():
        if k[:len(prefix)]==prefix: p.requires_grad = False
    return before-sum(p.numel() for p in net.parameters() if p.requires_grad)
''', '''
def freeze(net, prefix):
    n = 0
    for k,p in dict(net.named_parameters()).items():
        if not k.startswith(prefix): continue
        p.requires_grad_(False)
        n = n+math.prod(p.shape)
    return n
''', '''
def freeze(net, prefix): return sum(p.requires_grad_(False).nelement() for k,p in net.named_parameters() if k.find(prefix)==0)
''', '''
def freeze(net, prefix, path=''):
    n = 0
    for k,p in net._params.items():
        if (path+k).startswith(prefix):
            p.requires_grad = False
            n += p.numel()
    return n + sum(freeze(o, prefix, f'{path}{k}.') for k,o in net._children.items())
'''],
}

WRONG = {
'06.1': [('''
def n_params(net): return len(list(net.parameters()))
''', 'These are the parameters. Each holds many numbers'), ('''
def n_params(net):
    n = 0
    for m in net.modules():
        if hasattr(m, 'weight'): n += m.weight.numel()+m.bias.numel()
    return n
''', 'shared parameter is counted twice'), ('''
def n_params(net):
    n = 0
    for k,p in net.named_parameters():
        if 'weight' in k: n += p.shape[0]*p.shape[1]
    return n
''', 'biases are missing'), ('''
def n_params(net):
    for p in net.parameters(): n += p.numel()
    return n
''', "cannot access local variable 'n'")],
'06.2': [('''
class Leaky(torch.autograd.Function):
    @staticmethod
    def forward(ctx, inp, a):
        ctx.save_for_backward(inp)
        ctx.a = a
        return relu(inp) - a*relu(-inp)
    @staticmethod
    def backward(ctx, g):
        z, = ctx.saved_tensors
        s = torch.ones_like(z)
        s[z<=0] = ctx.a
        return s, None
def leaky_relu_fn(inp, a=.1): return Leaky.apply(inp, a)
''', 'This is the slope alone. Multiply it by `g`'), ('''
class Leaky(torch.autograd.Function):
    @staticmethod
    def forward(ctx, inp, a):
        ctx.save_for_backward(inp)
        ctx.a = a
        return relu(inp) - a*relu(-inp)
    @staticmethod
    def backward(ctx, g):
        z, = ctx.saved_tensors
        res = g.clone()
        res[z<0] *= ctx.a
        return res, None
def leaky_relu_fn(inp, a=.1): return Leaky.apply(inp, a)
''', 'At exactly 0 the slope must be `a`'), ('''
def leaky_relu_fn(inp, a=.1): return torch.nn.functional.leaky_relu(inp, a)
''', "This is PyTorch's derivative"), ('''
class Leaky(torch.autograd.Function):
    @staticmethod
    def forward(ctx, inp, a):
        ctx.save_for_backward(inp)
        ctx.a = a
        return relu(inp) - a*relu(-inp)
    @staticmethod
    def backward(ctx, g):
        z, = ctx.saved_tensors
        return g*((z>0)+ctx.a*(z<=0))
def leaky_relu_fn(inp, a=.1): return Leaky.apply(inp, a)
''', 'incorrect number of gradients'), ('''
class Leaky(torch.autograd.Function):
    @staticmethod
    def forward(ctx, inp, a):
        ctx.save_for_backward(inp)
        ctx.a = a
        return relu(inp) - a*relu(-inp)
    @staticmethod
    def backward(ctx, g):
        z, = ctx.saved_tensors
        return g.data*((z>0)+ctx.a*(z<=0)), None
def leaky_relu_fn(inp, a=.1): return Leaky.apply(inp, a)
''', 'Autograd cannot follow'), ('''
class Leaky(torch.autograd.Function):
    @staticmethod
    def forward(ctx, inp, a):
        ctx.save_for_backward(inp)
        ctx.a = a
        return relu(inp) - a*relu(-inp)
    @staticmethod
    def backward(ctx, g):
        z, = ctx.saved_tensors
        return -g*((z>0)+ctx.a*(z<=0)), None
def leaky_relu_fn(inp, a=.1): return Leaky.apply(inp, a)
''', 'In inp.grad: The sign is wrong')],
'06.3': [('''
class ModuleList(nn.Module):
    def __init__(self, modules):
        self.mods = list(modules)
    def append(self, module):
        self.mods.append(module)
    def __len__(self): return len(self.mods)
    def __getitem__(self, i): return self.mods[i]
''', 'Nothing is registered'), ('''
class ModuleList(nn.Module):
    def __init__(self, modules):
        self.mods = []
        for o in modules: self.append(o)
    def append(self, module):
        self.mods.append(module)
        setattr(self, str(len(self.mods)), module)
    def __len__(self): return len(self.mods)
    def __getitem__(self, i): return self.mods[i]
''', 'The names begin at 1'), ('''
class ModuleList(nn.Module):
    def __init__(self, modules):
        self.mods = list(modules)
    def append(self, module):
        setattr(self, str(len(self.mods)), module)
        self.mods += [module]
    def __len__(self): return len(self.mods)
    def __getitem__(self, i): return self.mods[i]
''', 'What `__init__` is given is not registered'), ('''
class ModuleList(nn.Module):
    def __init__(self, modules):
        for o in modules: self.append(o)
    def append(self, module):
        setattr(self, str(len(self)), module)
    def __len__(self): return len(self._children)
    def __getitem__(self, i): return self._children[str(i)]
''', "KeyError: '-1'. That is line 1 of `__getitem__`"), ('''
class ModuleList(nn.Module):
    def __init__(self, modules):
        self.mods = list(modules)
        for i,o in enumerate(self.mods): setattr(self, str(i), o)
    def append(self, module):
        self.mods.append(module)
    def __len__(self): return len(self.mods)
    def __getitem__(self, i): return self.mods[i]
''', 'In names: It is l.0.weight = 2, l.0.bias = 1, where l.0.weight = 2, l.0.bias = 1, l.1.weight = 1')],
'06.4': [('''
def freeze(net, prefix):
    ps = [p for k,p in net.named_parameters() if k.startswith(f'{prefix}.')]
    for p in ps: p.requires_grad_(False)
    return sum(p.numel() for p in ps)
''', 'A dot is added to `prefix`'), ('''
def freeze(net, prefix):
    ps = [p for k,p in net.named_parameters() if k.find(prefix)>=0]
    for p in ps: p.requires_grad_(False)
    return sum(math.prod(p.shape) for p in ps)
''', 'only contains `prefix`'), ('''
def freeze(net, prefix):
    for k,p in net.named_parameters():
        if k.startswith(prefix): p.requires_grad = False
''', 'In returned: It is None'), ('''
def freeze(net, prefix):
    n = 0
    for k,p in net.named_parameters():
        if k.startswith(prefix):
            p = p.detach()
            n += math.prod(p.shape)
    return n
''', 'Nothing is frozen')],
}
