"""Run notebooks, each in a process of its own, and print a line for each.

    python tools/run.py [--save] [NOTEBOOK ...]      (default: all of nbs/)

The executed copies go to executed/; with --save the outputs are written into the notebooks themselves, for authors.
Ends with status 1 if a cell raised an error, and names the notebook, the cell and the error.
"""
import os, sys, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

root = Path(__file__).resolve().parent.parent

def peak_mb(pid):
    "Peak memory of process `pid` in MB, where the system tells"
    try: lines = Path(f'/proc/{pid}/status').read_text().splitlines()
    except OSError: return None
    return next((int(o.split()[1])/1024 for o in lines if o.startswith('VmHWM')), None)

def run(path, # a notebook; it is left as it is
    timeout=300, # seconds that a cell may take
)->dict: # nb (executed as far as it went), error (None, or a text naming the cell), seconds, mb
    "Run the notebook at `path` in a fresh kernel, in its own folder"
    path = Path(path)
    nb = nbformat.read(path, as_version=4)
    client = NotebookClient(nb, timeout=timeout, kernel_name='python3', extra_arguments=['--log-level=40'],
                            resources=dict(metadata=dict(path=str(path.parent))))
    error,mb,start = None,None,time.perf_counter()
    try:
        with client.setup_kernel():
            for i,cell in enumerate(nb.cells):
                try: client.execute_cell(cell, i)
                except CellExecutionError as e: error = f'cell {i} failed: {e.ename}: {e.evalue}'
                except CellTimeoutError: error = f'cell {i} took more than {timeout} s'
                except DeadKernelError: error = f'cell {i} ended its process: out of memory?'
                if error:
                    error += '\n' + '\n'.join('    '+l for l in cell.source.splitlines())
                    break
            mb = peak_mb(client.km.provisioner.pid)
    except Exception as e: error = error or f'could not be run: {type(e).__name__}: {e}'
    return dict(nb=nb, error=error, seconds=time.perf_counter()-start, mb=mb)

def run_all(paths):
    "Run the notebooks at `paths`, as many at a time as there are processors, and give back their results in order, as they come"
    os.environ['OMP_NUM_THREADS'] = '1' # one thread a notebook: two that share two cores would only get in each other's way
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for path,res in zip(paths, pool.map(run, paths)): yield path,res

def line(path, res):
    "One line about a notebook that was run"
    return f"{path.stem:<14} {'FAILED' if res['error'] else 'ok':<6} {res['seconds']:6.1f} s" + (f"  {res['mb']:5.0f} MB" if res['mb'] else '')

def main(args):
    save = '--save' in args
    paths = [Path(a) for a in args if a!='--save'] or sorted((root/'nbs').glob('*.ipynb'))
    if missing := [str(p) for p in paths if not p.exists()]: sys.exit(f"no such notebook: {', '.join(missing)}")
    out,failed = root/'executed',[]
    out.mkdir(exist_ok=True)
    for path,res in run_all(paths):
        print(line(path, res), flush=True)
        if res['error']:
            failed.append(path.name)
            print(f"  {path.name}, {res['error']}", flush=True)
        nbformat.write(res['nb'], path if save and not res['error'] else out/path.name)
    if failed: sys.exit(f"{len(failed)} of {len(paths)} notebooks failed: {', '.join(failed)}")
    print(f"\nAll {len(paths)} ran. " + ('Their outputs are saved in them.' if save else
          f'The executed copies are in {out.relative_to(root)}/. To read and run them yourself: make lab'))

if __name__=='__main__': main(sys.argv[1:])
