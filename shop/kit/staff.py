"""What the admin pages of all apps share."""

from django.contrib import admin


class ReadOnlyAdmin(admin.ModelAdmin):
    """History: staff look at it, search it and filter it, and nobody edits it."""

    def has_add_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False
