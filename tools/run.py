"""Run notebooks, each in a process of its own, and print a line for each.

    python tools/run.py [--save] [NOTEBOOK ...]      (default: all of nbs/ and its folders)
    python tools/run.py --lessons                    (the first page, the lessons, and what goes deeper)

The executed copies go to executed/, in the same folders; with --save the outputs are written into the notebooks themselves, for authors.
Ends with status 1 if a cell raised an error, and names the notebook, the cell and the error.
"""
import json, multiprocessing, os, sys, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from execnb.shell import CaptureShell
from fastcore.nbio import nb2str, read_nb

root = Path(__file__).resolve().parent.parent

FOLDERS = 'deeper', 'exercises', 'workshop' # in nbs/, beside the lessons
def notebooks(nbs=root/'nbs'):
    "The paths of the notebooks in `nbs` and its folders, those of lessons first"
    return [p for o in ('', *FOLDERS) for p in sorted((nbs/o).glob('*.ipynb'))]

def name_of(path):
    "'00_data' of nbs/00_data.ipynb, 'workshop/trace' of nbs/workshop/trace.ipynb"
    path = Path(path).resolve()
    return f'{path.parent.name}/{path.stem}' if path.parent.name in FOLDERS else path.stem

# Where processes can be forked, they are forked from one that has imported what all notebooks import, and start at once.
# The notebooks draw to PNG themselves; one thread each, since two that share two cores would only get in each other's way.
context = multiprocessing.get_context('forkserver' if sys.platform=='linux' else 'spawn')
if sys.platform=='linux': context.set_forkserver_preload(['torch._dynamo', 'matplotlib.pyplot', 'fastcore.test', 'execnb.shell', 'sympy'])
LONGEST = '07_training', '08_speed', '09_distributed', '00_data', 'index' # they start first
settings = dict(OMP_NUM_THREADS='1', MPLBACKEND='agg')

def peak_mb():
    "Peak memory of this process in MB, where the system tells"
    try: lines = Path('/proc/self/status').read_text().splitlines()
    except OSError: return None
    return next((int(o.split()[1])/1024 for o in lines if o.startswith('VmHWM')), None)

def execute(path, timeout, answer):
    "In a process of its own: run the notebook at `path` in its folder, and send what became of it"
    nb,shell,error,start = read_nb(path),CaptureShell(path, mpl_format=None),None,time.perf_counter()
    os.chdir(path.parent)
    try: shell.run_all(nb, exc_stop=True, cell_timeout=timeout)
    except BaseException as e:
        i = shell._cell_idx-1
        error = f'cell {i} failed: {type(e).__name__}: {e}\n' + '\n'.join('    '+l for l in nb.cells[i].source.splitlines())
    answer.send(dict(nb=nb2str(nb), error=error, seconds=time.perf_counter()-start, mb=peak_mb()))

def run(path, # a notebook; it is left as it is
    timeout=300, # seconds that a cell may take
)->dict: # nb (as JSON, executed as far as it went), error (None, or a text naming the cell), seconds, mb
    "Run the notebook at `path` in a fresh process"
    here,there = context.Pipe(duplex=False)
    process = context.Process(target=execute, args=(Path(path).resolve(), timeout, there))
    process.start()
    there.close()
    try: res = here.recv()
    except EOFError: res = dict(nb=Path(path).read_text(encoding='utf-8'), error='its process ended: out of memory?', seconds=0., mb=None)
    process.join()
    return res

def run_all(paths):
    "Run the notebooks at `paths`, as many at a time as there are processors, and give back their results in order, as they come"
    os.environ.update(settings)
    first = [p for p in paths if p.stem in LONGEST]
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        jobs = {p: pool.submit(run, p) for p in dict.fromkeys([*first, *paths])}
        for p in paths: yield p,jobs[p].result()

def line(path, res):
    "One line about a notebook that was run"
    return f"{name_of(path):<15} {'FAILED' if res['error'] else 'ok':<6} {res['seconds']:6.1f} s" + (f"  {res['mb']:5.0f} MB" if res['mb'] else '')

def without_stderr(nb):
    "`nb` (JSON) without progress bars, which are for those who wait"
    nb = json.loads(nb)
    for cell in nb['cells']:
        if cell['cell_type']=='code': cell['outputs'] = [o for o in cell['outputs'] if o.get('name')!='stderr']
    return json.dumps(nb, indent=1, ensure_ascii=False)+'\n'

def main(args):
    save,lessons = '--save' in args,[p for p in notebooks() if name_of(p).split('/')[0] not in ('exercises', 'workshop')]
    paths = [Path(a) for a in args if not a.startswith('--')] or (lessons if '--lessons' in args else notebooks())
    if missing := [str(p) for p in paths if not p.exists()]: sys.exit(f"no such notebook: {', '.join(missing)}")
    out,failed = root/'executed',[]
    for path,res in run_all(paths):
        print(line(path, res), flush=True)
        if res['error']:
            failed.append(f'{name_of(path)}.ipynb')
            print(f"  {failed[-1]}, {res['error']}", flush=True)
        if save and not res['error']: path.write_text(without_stderr(res['nb']), encoding='utf-8')
        else:
            copy = out/f'{name_of(path)}.ipynb'
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(res['nb'], encoding='utf-8')
    if failed: sys.exit(f"{len(failed)} of {len(paths)} notebooks failed: {', '.join(failed)}")
    print(f"\nAll {len(paths)} ran. " + ('Their outputs are saved in them.' if save else
          f'The executed copies are in {out.name}/. To read and run them yourself: make lab'))

if __name__=='__main__': main(sys.argv[1:])
