def invitation(request):
    return {}
