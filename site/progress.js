// Which lessons a reader has finished: kept in this browser, and shown in the menu, at the end of a lesson and on the front page.
const KEY = 'mlp_foundations.finished';
function load() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) || [];
  } catch {
    return null; // this browser keeps nothing
  }
}
const nameOf = url => new URL(url, location).pathname.match(/\/(\d\d_\w+)\.html$/)?.[1];

function start() {
  const links = [...document.querySelectorAll('.bd-sidebar-primary a')];
  const lessons = links.filter(
    a =>
      /^\d\d\b/.test(a.textContent.trim()) && nameOf(a.getAttribute('href') === '#' ? location.href : a.href),
  );
  const name = a => nameOf(a.getAttribute('href') === '#' ? location.href : a.href);
  const here = lessons.some(a => name(a) === nameOf(location.href)) ? nameOf(location.href) : null;
  const box = document.createElement('p');
  box.className = 'progress-of-series';
  box.setAttribute('role', 'status');
  const front = document.querySelector('#The-lessons, #the-lessons');
  if (here) document.querySelector('article.bd-article').append(box);
  else if (front) front.querySelector('h2').after(box);

  const keep = list => {
    localStorage.setItem(KEY, JSON.stringify(list));
    show();
  };
  const button = (text, pressed, act) => {
    const o = document.createElement('button');
    o.type = 'button';
    o.textContent = text;
    if (pressed !== null) o.ariaPressed = pressed;
    o.addEventListener('click', act);
    return o;
  };
  const show = () => {
    const done = load();
    for (const a of lessons) {
      a.querySelector('.finished')?.remove();
      if (done.includes(name(a)))
        a.insertAdjacentHTML(
          'beforeend',
          '<span class="finished"> ✓<span class="sr-only"> finished</span></span>',
        );
    }
    const next = lessons.find(a => !done.includes(name(a)));
    const count = lessons.filter(a => done.includes(name(a))).length;
    const focused = box.contains(document.activeElement);
    if (here) {
      const finished = done.includes(here);
      const others = done.filter(o => o !== here);
      box.replaceChildren(
        button(finished ? '✓ You have finished this lesson' : 'I have finished this lesson', finished, () =>
          keep(finished ? others : [...done, here]),
        ),
      );
      if (focused) box.firstChild.focus();
    } else if (count) {
      box.replaceChildren(`${count} of ${lessons.length} lessons finished. `);
      if (next) {
        const a = document.createElement('a');
        a.href = next.href;
        a.textContent = next.firstChild.textContent.trim();
        box.append('Next: ', a, '. ');
      }
      box.append(button('forget', null, () => keep([])));
    } else box.replaceChildren();
  };
  show();
}
if (load()) start();
