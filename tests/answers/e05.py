"Right and wrong answers to the exercises of lesson 05, none of them an edit of ours"

RIGHT = {
'05.1': ['''
class LeakyRelu(Module):
    def __init__(self, a=.01): self.a = a
    def forward(self, inp): return inp.clamp_min(0) + self.a*inp.clamp_max(0)
    def bwd(self, out, inp): inp.g = out.g*(inp>0) + self.a*out.g*(inp<=0)
''', '''
class LeakyRelu(Module):
    def __init__(self, a=.01): self.a = a
    def forward(self, inp):
        out = inp.clone()
        out[inp<=0] *= self.a
        return out
    def bwd(self, out, inp):
        inp.g = out.g.clone()
        inp.g[inp<=0] *= self.a
''', '''
class LeakyRelu(Module):
    def __init__(self, a=.01): self.slope = a
    def forward(self, inp): return torch.nn.functional.leaky_relu(inp, self.slope)
    def bwd(self, out, inp):
        z = inp.detach().requires_grad_()
        inp.g, = torch.autograd.grad(torch.nn.functional.leaky_relu(z, self.slope), z, out.g)
''', '''
class LeakyRelu(Module):
    def __init__(self, a=.01): self.a = a
    def forward(self, inp): return relu(inp) - self.a*relu(-inp)
    def bwd(self, out, inp):
        slope = torch.ones_like(inp)
        slope[inp<=0] = self.a
        inp.g = slope * out.g
''', '''
class LeakyRelu(Module):
    def __init__(self, a=.01): self.a = a
    def forward(self, inp):
        self.slopes = [1. if v>0 else self.a for v in inp.flatten().tolist()]
        return tensor([s*v for s,v in zip(self.slopes, inp.flatten().tolist())]).view(inp.shape)
    def bwd(self, out, inp): inp.g = tensor([s*v for s,v in zip(self.slopes, out.g.flatten().tolist())]).view(inp.shape)
'''],
'05.2': ['''
def kept_mb(model):
    total,seen = 0,set()
    for l in model.layers+[model.loss]:
        if l.out.data_ptr() in seen: continue
        seen.add(l.out.data_ptr())
        total += l.out.nbytes
    return total/1_000_000
''', '''
def kept_mb(model):
    outs = [l.out for l in model.layers] + [model.loss.out]
    sizes = {}
    for o in outs: sizes[o.untyped_storage().data_ptr()] = o.untyped_storage().nbytes()
    return sum(sizes.values())*1e-6
''', '''
def kept_mb(model):
    outs = [model.loss.out, *(l.out for l in reversed(model.layers))]
    own = [o for i,o in enumerate(outs) if all(o.data_ptr()!=p.data_ptr() for p in outs[:i])]
    return sum(o.element_size()*math.prod(o.shape) for o in own) / 10**6
''', '''
def kept_mb(model):
    known = {t.data_ptr() for t in (model.layers[0].args[0], model.loss.args[1])}
    kept = 0
    for l in (*model.layers, model.loss):
        for t in (*l.args, l.out):
            if t.data_ptr() not in known: kept += t.nbytes
            known.add(t.data_ptr())
    return kept/1e6
''', '''
def kept_mb(model):
    kept = model.loss.out.nbytes
    last = None
    for l in model.layers:
        if l.out.data_ptr()!=last: kept += l.out.numel()*torch.finfo(l.out.dtype).bits/8
        last = l.out.data_ptr()
    return kept/1000/1000
'''],
'05.3': ['''
class Scale(Module):
    def __init__(self, s): self.s = s
    def params(self): return [self.s]
    def forward(self, inp): return torch.einsum('ij,j->ij', inp, self.s)
    def bwd(self, out, inp):
        self.s.g = torch.einsum('ij,ij->j', out.g, inp)
        inp.g = torch.einsum('ij,j->ij', out.g, self.s)
''', '''
class Scale(Module):
    def __init__(self, s): self.scale = s
    def params(self): return [self.scale]
    def forward(self, inp): return inp @ self.scale.diag()
    def bwd(self, out, inp):
        inp.g = out.g @ self.scale.diag()
        self.scale.g = (inp.t() @ out.g).diag()
''', '''
class Scale(Module):
    def __init__(self, s): self.s = s
    def params(self): return [self.s]
    def forward(self, inp): return self.s[None]*inp
    def bwd(self, out, inp):
        self.s.g = torch.zeros_like(self.s)
        for x,g in zip(inp, out.g): self.s.g += x*g
        inp.g = torch.stack([self.s*g for g in out.g])
''', '''
class Scale(Module):
    def __init__(self, s): self.s = s
    def params(self): return [self.s]
    def forward(self, inp): return inp.mul(self.s)
    def bwd(self, out, inp):
        z,s = inp.detach().requires_grad_(),self.s.detach().requires_grad_()
        inp.g,self.s.g = torch.autograd.grad(z*s, (z, s), out.g)
''', '''
class Scale(Module):
    def __init__(self, s): self.s = s
    def params(self): return [self.s]
    def forward(self, inp): return torch.stack([inp[:,j]*self.s[j] for j in range(len(self.s))], 1)
    def bwd(self, out, inp):
        inp.g = out.g.clone()
        inp.g *= self.s
        self.s.g = tensor([float(inp[:,j]@out.g[:,j]) for j in range(len(self.s))])
'''],
'05.4': ['''
class Residual(Module):
    def __init__(self, layer): self.layer = layer
    def params(self): return self.layer.params()
    def forward(self, inp):
        self.inner = self.layer(inp)
        return self.inner + inp
    def bwd(self, out, inp):
        self.inner.g = out.g.clone()
        self.layer.backward()
        inp.g += out.g
''', '''
class Residual(Module):
    def __init__(self, layer): self.layer = layer
    def params(self): return list(self.layer.params())
    def forward(self, inp): return self.layer(inp).add(inp)
    def bwd(self, out, inp):
        self.layer.out.g = out.g
        self.layer.bwd(self.layer.out, inp)
        inp.g = torch.add(out.g, inp.g)
''', '''
class Residual(Module):
    def __init__(self, layer): self.layer = layer
    def params(self): return [p for p in self.layer.params()]
    def forward(self, inp): return inp + self.layer.forward(inp)
    def bwd(self, out, inp):
        self.layer(inp).g = out.g
        self.layer.backward()
        inp.g = torch.stack([inp.g, out.g]).sum(0)
''', '''
class Residual(Module):
    def __init__(self, f): self.f,self.params = f,f.params
    def forward(self, inp):
        out = self.f(inp).clone()
        out += inp
        return out
    def bwd(self, out, inp):
        self.f.out.g = out.g
        self.f.backward()
        through = inp.g
        inp.g = through + out.g
''', '''
class Residual(Module):
    def __init__(self, layer): self.layer = layer
    def params(self): return self.layer.params()
    def forward(self, inp): return self.layer(inp) + inp
    def bwd(self, out, inp):
        ts = [t.detach().requires_grad_() for t in (inp, *self.params())]
        inp.g,*gs = torch.autograd.grad(ts[0] + ts[0]@ts[1]+ts[2], ts, out.g)
        for p,g in zip(self.params(), gs): p.g = g
'''],
}

WRONG = {
'05.1': [('''
class LeakyRelu(Module):
    def __init__(self, a=.01): self.a = a
    def forward(self, inp): return torch.nn.functional.leaky_relu(inp, self.a)
    def bwd(self, out, inp): return out.g * ((inp>0) + self.a*(inp<=0))
''', 'Nothing is stored in `inp.g`'), ('''
class LeakyRelu(Module):
    def __init__(self, a=.01): self.a = a
    def forward(self, inp): return inp*(inp>0) + self.a*inp*(inp<=0)
    def bwd(self, out, inp):
        inp.g = torch.ones_like(inp)
        inp.g[inp<=0] = self.a
''', 'This is the slope alone'), ('''
class LeakyRelu(Module):
    def __init__(self, a=.01): self.a = a
    def forward(self, inp):
        if inp>0: return inp
        return self.a*inp
    def bwd(self, out, inp): inp.g = out.g if inp>0 else self.a*out.g
''', 'Boolean value of Tensor with more than one value is ambiguous. That is line 2 of `forward`'), ('''
class LeakyRelu(Module):
    def __init__(self, a=.01): self.a = a
    def forward(self, inp): return relu(inp) - self.a*relu(-inp)
    def bwd(self, out, inp):
        inp.g = out.g.clone()
        inp.g[out<=0] *= self.a
''', 'Look at `inp`, not `out`')],
'05.2': [('''
def kept_mb(model):
    total = 0
    for l in model.layers: total += l.out.numel()*l.out.element_size()
    total += model.loss.out.element_size()
    return total/1e6
''', 'A view is counted'), ('''
def kept_mb(model):
    sizes = {}
    for l in (*model.layers, model.loss):
        for t in (*l.args, l.out): sizes[t.data_ptr()] = t.nbytes
    return sum(sizes.values())/1e6
''', '`x` and `targ` are counted too'), ('''
def kept_mb(model):
    kept = {l.out.data_ptr(): l.out.nbytes for l in (*model.layers, model.loss)}
    total = sum(kept.values())/1e6
''', 'It is None')],
'05.3': [('''
class Scale(Module):
    def __init__(self, s): self.s = s
    def params(self): return [self.s]
    def forward(self, inp): return self.s*inp
    def bwd(self, out, inp): inp.g,self.s.g = self.s*out.g,torch.einsum('ij,ij->i', out.g, inp)
''', 'has a number for each row'), ('''
class Scale(Module):
    def __init__(self, s): self.s = s
    def params(self): return [self.s]
    def forward(self, inp): return self.s*inp
    def bwd(self, out, inp):
        inp.g = self.s.expand_as(inp)
        self.s.g = torch.einsum('ij,ij->j', out.g, inp)
''', 'In inp.g: The upstream gradient is missing: multiply by `out.g`'), ('''
class Scale(Module):
    def __init__(self, s): self.s = s
    def params(self): return [self.s]
    def forward(self, inp): return self.s*inp
    def bwd(self, out, inp): inp.g,self.s.g = self.s*out.g,(inp*out.g).sum(0, keepdim=True)
''', 'In s.g: The values are right. It has shape (1, 2), where (2,)'), ('''
class Scale(Module):
    def __init__(self, s): self.s = s
    def params(self): return [self.s]
    def forward(self, inp): return self.s*inp
    def bwd(self, out, inp): inp.g,self.s.g = self.s*out.g,-torch.einsum('ij,ij->j', out.g, inp)
''', 'In s.g: The sign is wrong')],
'05.4': [('''
class Residual(Module):
    def __init__(self, layer): self.layer = layer
    def params(self): return self.layer.params()
    def forward(self, inp): return self.layer(inp).add(inp)
    def bwd(self, out, inp):
        self.layer.backward()
        inp.g += out.g
''', 'has no .g of its shape'), ('''
class Residual(Module):
    def __init__(self, layer): self.layer = layer
    def params(self): return self.layer.params()
    def forward(self, inp): return self.layer.forward(inp).add(inp)
    def bwd(self, out, inp):
        self.layer.out.g = out.g
        self.layer.backward()
        inp.g += out.g
''', "no attribute 'out'. That is line 2 of `bwd`"), ('''
class Residual(Module):
    def __init__(self, layer): self.layer = layer
    def forward(self, inp): return torch.stack([inp, self.layer(inp)]).sum(0)
    def bwd(self, out, inp):
        self.layer.out.g = out.g
        self.layer.bwd(self.layer.out, inp)
        inp.g += out.g
''', '`params` must return it'), ('''
class Residual(Module):
    def __init__(self, layer): self.layer = layer
    def params(self): return self.layer.params()
    def forward(self, inp): return self.layer(inp).add(inp)
    def bwd(self, out, inp):
        inp.g = out.g
        self.layer.out.g = out.g
        self.layer.backward()
''', 'gradient of the shortcut is missing')],
}
