// Before anything is painted: light or dark, where the visitor has chosen and does not follow the system.
{
  const chosen = localStorage.getItem("theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
}
