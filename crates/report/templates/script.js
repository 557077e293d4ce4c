(() => {
  const filter = document.getElementById("filter");
  if (!filter) return;
  const rows = [...document.querySelectorAll(".ev tbody tr")];
  const days = [...document.querySelectorAll(".day")];
  const matches = document.getElementById("matches");
  const unfold = document.getElementById("unfold");
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const apply = () => {
    const wanted = filter.value.trim().toLowerCase();
    let shown = 0;
    rows.forEach((row, index) => {
      row.hidden = !texts[index].includes(wanted);
      if (!row.hidden) shown += 1;
    });
    days.forEach((day) => {
      const found = !!day.querySelector("tbody tr:not([hidden])");
      day.hidden = !found;
      day.open = found && wanted !== "";
    });
    matches.textContent = wanted ? `${shown.toLocaleString("en")} of ${rows.length.toLocaleString("en")} events` : "";
  };
  const reveal = () => {
    const target = document.getElementById(location.hash.slice(1));
    const day = target && target.closest("details");
    if (day) {
      day.open = true;
      target.scrollIntoView();
    }
  };
  let timer;
  filter.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(apply, 120);
  });
  unfold.addEventListener("click", () => {
    const open = days.some((day) => !day.open);
    days.forEach((day) => (day.open = open));
    unfold.textContent = open ? "Fold all" : "Unfold all";
  });
  if (days.length === 0) unfold.hidden = true;
  addEventListener("hashchange", reveal);
  document.querySelector(".tools").hidden = false;
  reveal();
})();
