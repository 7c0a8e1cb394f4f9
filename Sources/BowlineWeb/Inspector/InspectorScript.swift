// The script: without it the page is whole. It fetches the same page every second while somebody can see it, and takes the
// rows from there, so that there is one place that renders and escapes; and it searches and sorts what is shown at once.

enum InspectorScript {
    static let text = live + order + acts

    private static let live = """
        'use strict';
        const root = document.documentElement;
        const status = document.getElementById('live');
        const search = document.getElementById('q');
        let busy = false, timer = 0, again = false;

        const address = () => {
          const url = new URL(location.href);
          url.searchParams.delete('flushed');
          if (search.value.trim()) url.searchParams.set('q', search.value); else url.searchParams.delete('q');
          url.hash = '';
          return url;
        };

        /* A row that is there stays the same element, so that focus and selection stay. */
        const merge = (old, fresh) => {
          const body = old.tBodies[0], rows = new Map();
          for (const row of body.rows) rows.set(row.dataset.key || '', row);
          const next = [];
          for (const row of fresh.tBodies[0].rows) {
            const known = rows.get(row.dataset.key || '');
            if (!known) { row.classList.add('new'); next.push(row); continue; }
            for (let i = 0; i < row.cells.length; i++) {
              const to = known.cells[i], from = row.cells[i];
              if (!to) { known.append(from.cloneNode(true)); continue; }
              to.dataset.v = from.dataset.v || '';
              if (to.innerHTML !== from.innerHTML && !to.contains(document.activeElement)) {
                to.replaceChildren(...from.childNodes);
              }
            }
            known.classList.remove('new');
            if (row.dataset.s) known.dataset.s = row.dataset.s;
            rows.delete(row.dataset.key || '');
            next.push(known);
          }
          for (const gone of rows.values()) gone.remove();
          next.forEach((row, at) => { if (body.rows[at] !== row) body.insertBefore(row, body.rows[at] || null); });
          arrange(old);
        };

        const refresh = async () => {
          if (busy) { again = true; return; }
          busy = true;
          clearTimeout(timer);
          try {
            const answer = await fetch(address(), { cache: 'no-store' });
            if (!answer.ok) throw new Error(answer.status);
            const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
            /* Rows that were asked for before the search or the order changed are not what is wanted any more. */
            for (const table of again ? [] : document.querySelectorAll('table[data-table]')) {
              const fresh = page.getElementById(table.id);
              if (fresh) merge(table, fresh);
            }
            for (const part of document.querySelectorAll('[data-live]')) {
              const fresh = page.querySelector(`[data-live="${part.dataset.live}"]`);
              if (fresh && part.innerHTML !== fresh.innerHTML) part.replaceChildren(...fresh.childNodes);
            }
            status.textContent = page.getElementById('live').textContent;
            status.className = 'on';
          } catch (error) {
            status.textContent = 'no connection';
            status.className = 'lost';
          }
          busy = false;
          if (again) { again = false; refresh(); return; }
          if (!document.hidden) timer = setTimeout(refresh, 1000);
        };
        document.addEventListener('visibilitychange', () => {
          clearTimeout(timer);
          if (!document.hidden) refresh();
        });

        """

    private static let order = """
        /* What a column is sorted by: numbers as numbers, what has no value last. */
        const compare = (left, right, sign) => {
          if (left === right) return 0;
          if (left === '' || right === '') return left === '' ? 1 : -1;
          const a = Number(left), b = Number(right);
          return sign * (Number.isNaN(a) || Number.isNaN(b) ? (left < right ? -1 : 1) : a - b);
        };

        /* Puts a table's rows in the order that its head tells, and hides those of the cache without the words. */
        const arrange = (table) => {
          const body = table.tBodies[0], head = table.tHead.querySelector('th[aria-sort]');
          if (head) {
            const at = head.cellIndex, sign = head.getAttribute('aria-sort') === 'descending' ? -1 : 1;
            const rows = [...body.rows].filter((row) => row.dataset.key);
            const sorted = rows.slice().sort((a, b) => compare(a.cells[at].dataset.v, b.cells[at].dataset.v, sign));
            if (sorted.some((row, i) => row !== rows[i])) body.append(...sorted);
          }
          if (table.dataset.table !== 'cache') return;
          const words = search.value.toLowerCase().split(/ +/).filter(Boolean);
          for (const row of body.rows) {
            if (!row.dataset.key) continue;
            row.hidden = !words.every((word) => row.dataset.s.includes(word));
          }
        };

        document.addEventListener('click', (event) => {
          const link = event.target.closest('th a[data-column]');
          if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
          event.preventDefault();
          const head = link.closest('th'), table = head.closest('table'), was = head.getAttribute('aria-sort');
          const down = was ? was === 'ascending' : head.classList.contains('number');
          for (const other of table.tHead.querySelectorAll('th[aria-sort]')) other.removeAttribute('aria-sort');
          head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
          const url = new URL(location.href);
          url.searchParams.set(table.dataset.table, (down ? '-' : '') + link.dataset.column);
          history.replaceState(null, '', url);
          arrange(table);
          // There may be more rows than are shown.
          refresh();
        });

        """

    private static let acts = """
        search.addEventListener('input', () => {
          arrange(document.getElementById('table-cache'));
          history.replaceState(null, '', address());
          refresh();
        });
        document.getElementById('search').addEventListener('submit', (event) => event.preventDefault());
        document.querySelector('#search button').hidden = true;

        document.addEventListener('submit', async (event) => {
          const form = event.target.closest('form.flush');
          if (!form) return;
          event.preventDefault();
          const fields = new URLSearchParams(new FormData(form));
          fields.delete('back');
          const note = document.getElementById('note');
          try {
            const answer = await fetch('/flush', { method: 'POST', body: fields });
            note.textContent = answer.ok ? `${(await answer.json()).flushed} flushed.` : await answer.text();
          } catch (error) {
            note.textContent = 'no connection';
          }
          document.activeElement.blur();
          refresh();
        });

        const theme = document.getElementById('theme');
        const isDark = () => (root.dataset.theme || (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')) === 'dark';
        const label = () => { theme.textContent = isDark() ? 'Light' : 'Dark'; };
        theme.hidden = false;
        theme.addEventListener('click', () => { root.dataset.theme = isDark() ? 'light' : 'dark'; label(); });
        matchMedia('(prefers-color-scheme: dark)').addEventListener('change', label);
        label();
        status.className = 'on';
        timer = setTimeout(refresh, 1000);

        """
}
