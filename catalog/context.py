from django.utils.functional import SimpleLazyObject

from catalog import categories


def departments(request):
    """The navigation of every page; read when a template asks for it."""
    return {"departments": SimpleLazyObject(categories.departments)}
