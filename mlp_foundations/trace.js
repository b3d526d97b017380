(() => {
  for (const root of document.querySelectorAll('.mlp-trace:not([data-live])')) {
    const nav = root.querySelector('.t-nav');
    nav.innerHTML = nav.dataset.html;
    const all = o => [...root.querySelectorAll(o)],
      steps = all('.t-step'),
      last = steps.length - 1;
    let at = 0;
    const show = k => {
      at = Math.max(0, Math.min(last, k));
      for (const [i, o] of steps.entries()) o.hidden = i !== at;
      for (const b of all('.t-map button')) {
        if (+b.dataset.to === at) b.setAttribute('aria-current', 'step');
        else b.removeAttribute('aria-current');
      }
      for (const b of all('.t-go button'))
        b.setAttribute('aria-disabled', at === (b.dataset.by < 0 ? 0 : last));
      const text = o => steps[at].querySelector(o)?.textContent || '';
      root.querySelector('.t-now').textContent = ['.t-title', '.t-formula', '.t-said'].map(text).join('. ');
    };
    root.addEventListener('click', e => {
      const b = e.target.closest('button');
      if (b) show(b.dataset.to ? +b.dataset.to : at + +b.dataset.by);
    });
    root.addEventListener('keydown', e => {
      const to = {ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: last}[e.key];
      if (to === undefined || e.altKey || e.ctrlKey || e.metaKey || e.shiftKey) return;
      e.preventDefault();
      e.stopPropagation();
      show(to);
    });
    root.dataset.live = root.dataset.lmSuppressShortcuts = 'true'; // the second: JupyterLab leaves the keys to us
    root.tabIndex = 0;
    show(+root.dataset.start);
  }
})();
